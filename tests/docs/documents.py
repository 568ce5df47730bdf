"""The documents of this repository: their text, their code blocks, their headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a document."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    """Every document, those at the root first."""
    return [ROOT / name for name in FIRST] + sorted((ROOT / "docs").rglob("*.md"))


def blocks(document: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of *document*, of one language if given."""
    text = document.read_text("utf-8")
    found = [
        Block(document, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in _FENCE.finditer(text)
    ]
    return [block for block in found if language is None or block.language == language]


def all_blocks(language: str) -> list[Block]:
    """The blocks of one language in all documents."""
    return [block for document in documents() for block in blocks(document, language)]


def prose(document: Path) -> str:
    """The text of *document* without its fenced blocks."""
    return _FENCE.sub("", document.read_text("utf-8"))


def rows(text: str, first_cell: str) -> list[list[str]]:
    """The rows of the Markdown table in *text* whose head begins with *first_cell*."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = _cells(line)
        if cells and cells[0] == first_cell:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set("".join(cells)) <= set(":- "):
            found.append(cells)
    assert found, f"no table with the head {first_cell!r}"
    return found


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def headings(document: Path) -> Iterator[str]:
    """The anchors of *document*, as GitHub makes them from its headings."""
    for line in prose(document).splitlines():
        if match := re.match(r"#+ (.+)", line):
            words = re.sub(r"[^\w\- ]", "", match[1].lower())
            yield words.replace(" ", "-")
