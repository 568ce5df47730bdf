"""A report before it is drawn: sections of sentences, tables and pictures, no markup anywhere."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of cells; ``widths`` are shares of the page, ``right`` the columns of figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...] = ()
    right: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """One section; ``annotated``: it comes from people, not from the record."""

    title: str
    lead: str = ""
    bullets: tuple[str, ...] = ()
    table: Table | None = None
    picture: str | None = None
    """SVG, drawn by us."""
    note: str = ""
    annotated: bool = False

    def scrubbed(self, text: Callable[[str], str]) -> "Section":
        """Return this with *text* applied to every sentence and cell."""
        table = self.table and replace(
            self.table, rows=tuple(tuple(map(text, row)) for row in self.table.rows)
        )
        bullets = tuple(map(text, self.bullets))
        return replace(self, lead=text(self.lead), bullets=bullets, table=table)


@dataclass(frozen=True)
class Fact:
    """A figure at the head of the report; ``tone``: good, bad, warn or none."""

    label: str
    value: str
    tone: str = ""


@dataclass(frozen=True)
class Answered:
    """A question that every reader has, and what the record says to it."""

    asked: str
    says: str


@dataclass(frozen=True)
class Report:
    """One report."""

    kind: str
    title: str
    subtitle: str
    exercise: bool
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    head: str
    """The digest of the journal's last entry: which record this was made from."""
    made_from: str
    made_at: str
    answers: tuple[Answered, ...] = ()
    """Before all sections."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def scrubbed(self, text: Callable[[str], str]) -> "Report":
        """Return this with *text* applied to every sentence and cell; pictures are made scrubbed."""
        return replace(
            self,
            sections=tuple(section.scrubbed(text) for section in self.sections),
            answers=tuple(replace(one, says=text(one.says)) for one in self.answers),
        )
