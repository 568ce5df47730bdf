"""The README: short, its picture fetches nothing, its playbook and its table are the code's."""

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, blocks, rows

README = ROOT / "README.md"
PACKAGES = ("activities", "hemostat", "schemas", "workers", "workflows")
SVG = "http://www.w3.org/2000/svg"


def test_it_is_at_most_120_lines() -> None:
    assert len(README.read_text().splitlines()) <= 120


def test_its_playbook_is_the_file() -> None:
    (shown,) = blocks(README, "python")
    assert shown.text == (ROOT / "workflows" / "triage.py").read_text()
    assert "`workflows/triage.py`" in README.read_text()


DRAWN = {
    "docs/assets/recording.svg": "tests.docs.recording docs/assets/recording.svg",
    "docs/assets/drill.svg": "--picture docs/assets/drill.svg",
}


def test_its_drawings_come_from_commands() -> None:
    shown = re.findall(r"!\[[^\]]{40,}\]\(([^)]+\.svg)\)", README.read_text())
    assert shown == [*DRAWN]
    makefile = (ROOT / "Makefile").read_text()
    assert all(command in makefile for command in DRAWN.values())


@pytest.mark.parametrize("picture", DRAWN)
def test_a_drawing_fetches_nothing_and_shows_a_drill_that_held(picture: str) -> None:
    text = (ROOT / picture).read_text()
    root = ET.fromstring(text)  # noqa: S314 - our own file
    assert root.tag == f"{{{SVG}}}svg"
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", text)) - {SVG}
    assert addresses <= {"https://www.textualize.io"}, "named in a comment of rich, nothing else"
    for fetching in ("@import", "@font-face", "<image", "<script", "xlink:href", "href="):
        assert fetching not in text
    said = re.sub(r"&#160;|\s", " ", " ".join(root.itertext()))
    assert "EXERCISE" in said
    assert "NOT" not in said.split(), "it shows a drill that held"


def test_the_recording_is_small_names_no_machine_and_stands_still_for_who_wants_that() -> None:
    text = (ROOT / "docs/assets/recording.svg").read_text()
    assert len(text) < 400_000
    assert "prefers-reduced-motion" in text
    assert not re.search(r"/(tmp|home|root|Users)/", text)


def test_the_pictures_of_the_console_are_small_and_described() -> None:
    pictures = sorted((ROOT / "docs" / "assets").glob("console-*.png"))
    assert [picture.stem for picture in pictures] == [
        "console-dark",
        "console-light",
        "console-phone-decide",
        "console-phone-timeline",
        "console-phone",
    ]
    assert all(picture.stat().st_size < 150_000 for picture in pictures)
    page = (ROOT / "docs" / "how-to" / "use-the-console.md").read_text()
    for picture in pictures:
        assert re.search(rf"!\[[^\]]{{20,}}\]\(../assets/{picture.name}\)", page)


def test_the_picture_of_a_report_is_small_and_described() -> None:
    picture = ROOT / "docs" / "assets" / "postmortem.png"
    assert picture.stat().st_size < 150_000
    page = (ROOT / "docs" / "how-to" / "answer-an-auditor.md").read_text()
    assert re.search(rf"!\[[^\]]{{20,}}\]\(../assets/{picture.name}\)", page)


def test_its_two_commands_are_targets_that_set_themselves_up() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (two,) = blocks(README, "sh")
    assert two.text.split() == ["make", "drill", "make", "test"]
    assert re.search(r"^drill: \.venv/\.drill", makefile, re.MULTILINE)
    assert re.search(r"^test: check", makefile, re.MULTILINE)
    assert re.search(r"^check: \.venv/\.dev", makefile, re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_imports_of_ours_only_what_its_row_says(package: str) -> None:
    (row,) = (row for row in rows(README.read_text(), "folder") if f"`{package}/`" in row[0])
    allowed = tuple(re.findall(r"`([\w.]+)`", row[2]))
    assert {name.partition(".")[0] for name in allowed} == {
        name.partition(".")[0] for name in imported_by(package)
    }
    strangers = {
        name
        for name in imported_by(package)
        if not any(name == known or name.startswith(f"{known}.") for known in allowed)
    }
    assert not strangers


def imported_by(package: str) -> set[str]:
    """What the files of *package* import of ours, itself apart."""
    found: set[str] = set()
    for file in (ROOT / package).rglob("*.py"):
        found |= {name for name in _imports(file) if name.partition(".")[0] in PACKAGES}
    return {name for name in found if name.partition(".")[0] != package}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
