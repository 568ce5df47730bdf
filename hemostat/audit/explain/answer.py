"""What an answer is: shown by entries, or not shown; never inferred from what should have been."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

NOT_SHOWN: Final = "The record does not show this"

Shown = Literal["shown", "partly", "not shown"]


@dataclass(frozen=True)
class Point:
    """One fact, and the numbers of the journal entries that show it."""

    says: str
    entries: tuple[int, ...] = ()
    concern: bool = False
    """Whether an auditor should look at it: a thing went otherwise than the rules have it."""


@dataclass(frozen=True)
class Answer:
    """The answer to one question; ``look_for`` is the trap that comes with the question."""

    id: str
    question: str
    shown: Shown
    says: str
    points: tuple[Point, ...] = ()
    look_for: str = ""

    @property
    def entries(self) -> tuple[int, ...]:
        """All entries that it rests on, in order, each once."""
        return tuple(sorted({seq for point in self.points for seq in point.entries}))

    @property
    def concerns(self) -> tuple[Point, ...]:
        """The points that an auditor should look at."""
        return tuple(point for point in self.points if point.concern)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "entries": list(self.entries)}


def not_shown(id_: str, question: str, because: str, look_for: str = "") -> Answer:
    """Answer that the record does not show it, and why."""
    return Answer(id_, question, "not shown", f"{NOT_SHOWN}: {because}.", (), look_for)


def listed(words: Sequence[str]) -> str:
    """Return *words* as a list in a sentence."""
    return ", ".join(words) if words else "none"
