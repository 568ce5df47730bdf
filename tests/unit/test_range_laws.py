"""The service under attack is not a part of us: what its files may import."""

import ast
from pathlib import Path

import pytest

from hemostat.drill.range import janitor

FOLDER = Path(janitor.__file__).parent
OURS = ("activities", "hemostat", "schemas", "workers", "workflows")


def imports_of(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


ATTACKED = [
    file
    for name in ("sentiment", "moderation", "assistant")
    for file in (FOLDER / name).glob("*.py")
]


@pytest.mark.parametrize("file", sorted(ATTACKED), ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_an_attacked_service_imports_nothing_of_ours_but_itself(file: Path) -> None:
    ours = {name for name in imports_of(file) if name.split(".")[0] in OURS}
    assert all(name.startswith(f"hemostat.drill.range.{file.parent.name}.") for name in ours)


@pytest.mark.parametrize("name", ["attacker", "users"])
def test_those_outside_know_only_the_edge(name: str) -> None:
    ours = {
        part
        for part in imports_of(FOLDER / "poisoning" / f"{name}.py")
        if part.startswith("hemostat")
    }
    assert not any("sentiment" in part or part.endswith(".range") for part in ours)


def test_the_janitor_needs_nothing_but_python() -> None:
    assert not any(name.split(".")[0] in OURS for name in imports_of(FOLDER / "janitor.py"))
