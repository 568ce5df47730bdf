"""Links between the documents lead somewhere, files that they name exist, and nobody is named."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, documents, headings, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(
    r"`((?:activities|bench|deploy|docs|hemostat|schemas|tests|workers|workflows)/[\w./-]*)`"
)
PASTED = {"workflows/runaway_cost.py", "activities/paging_webhook.py"}
OUTSIDE = {"keepachangelog.com", "semver.org"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", documents(), ids=shown)
def test_links_resolve(document: Path) -> None:
    for target in LINK.findall(prose(document)):
        if target.startswith("https://"):
            assert target.split("/")[2] in OUTSIDE
            continue
        place, _, anchor = target.partition("#")
        file = (document.parent / place).resolve() if place else document
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        if anchor:
            assert anchor in set(headings(file)), target


@pytest.mark.parametrize("document", documents(), ids=shown)
def test_files_that_are_named_exist(document: Path) -> None:
    named = set(NAMED.findall(prose(document))) - PASTED
    missing = {name for name in named if not (ROOT / name).exists()}
    assert not missing


@pytest.mark.parametrize("document", documents(), ids=shown)
def test_every_page_has_one_title_and_can_be_reached(document: Path) -> None:
    titles = [line for line in prose(document).splitlines() if line.startswith("# ")]
    assert len(titles) == 1
    linked = {
        (other.parent / target.partition("#")[0]).resolve()
        for other in documents()
        for target in LINK.findall(prose(other))
        if not target.startswith("https://") and not target.startswith("#")
    }
    assert document == ROOT / "README.md" or document in linked
