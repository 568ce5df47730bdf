"""ARCHITECTURE.md against the code: its laws are the contracts, its graph is the imports."""

import re
import tomllib
from collections.abc import Iterator
from itertools import permutations

import grimp
import pytest

from schemas.step import StepClass
from tests.docs.documents import ROOT, blocks, rows

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
PARTS = (
    "activities",
    "hemostat.cli",
    "hemostat.drill",
    "hemostat.gateway",
    "hemostat.settings",
    "hemostat.up",
    "hemostat.vault",
    "schemas",
    "workers",
    "workflows",
)

Edges = set[tuple[str, str]]


def test_the_laws_are_the_contracts() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    shown = [row[0] for row in rows(ARCHITECTURE.read_text(), "law")]
    assert [law.replace("`", "") for law in shown] == [
        contract["name"].replace("`", "") for contract in contracts["contracts"]
    ]


def test_the_graph_is_the_imports() -> None:
    drawing = blocks(ARCHITECTURE, "mermaid")[0].text
    names = dict(re.findall(r"(\w+)\[([\w.]+)\]", drawing))
    drawn = {
        (names.get(importer, importer), names.get(imported, imported))
        for importer, imported in re.findall(r"(\w+)(?:\[[\w.]+\])? --> (\w+)", drawing)
    }
    assert drawn == reduced(set(actual()))


def actual() -> Iterator[tuple[str, str]]:
    graph = grimp.build_graph("activities", "hemostat", "schemas", "workers", "workflows")
    for importer, imported in permutations(PARTS, 2):
        if graph.direct_import_exists(importer=importer, imported=imported, as_packages=True):
            yield importer, imported


def reduced(edges: Edges) -> Edges:
    """The edges that no longer path implies."""
    return {edge for edge in edges if not _reaches(*edge, edges - {edge})}


def _reaches(start: str, end: str, edges: Edges) -> bool:
    following = [imported for importer, imported in edges if importer == start]
    return end in following or any(_reaches(next_, end, edges) for next_ in following)


@pytest.mark.parametrize("step_class", StepClass)
def test_every_class_of_a_step_is_explained(step_class: StepClass) -> None:
    assert step_class.value in {row[0] for row in rows(ARCHITECTURE.read_text(), "class")}
