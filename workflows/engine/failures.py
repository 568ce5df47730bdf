"""What an act that failed says of it: its kind, and the sentence of ours where there is one.

Law: foreign text is never repeated, in no journal, page or gate. What ``schemas.errors`` phrased
names no secret and nobody, and says what to do next: whoever is woken by it reads that.
"""

from typing import Final

from temporalio.exceptions import ActivityError, ApplicationError

from schemas.errors import HemostatError

OUR_WORDS: Final = frozenset(
    (
        *("BadInput", "ConfigurationError", "ConflictingChange", "EvidenceCorrupt"),
        *("NotWatching", "SystemRefused", "SystemUnreachable"),
    )
)
"""The failures whose text is a sentence of ours (``schemas.errors``)."""

MOST_WORDS: Final = 300
"""Characters of a failure's text: it goes into a page."""


class StepGivenUp(HemostatError):
    """People decided to go on without this step."""


class ActFailed(Exception):
    """An act did not succeed within its port's time; ``reason`` names the kind of failure.

    ``words`` is what the adapter said of it, where it failed in our own words: what was wrong,
    where, what to do next.
    """

    def __init__(self, reason: str, words: str = "") -> None:
        self.reason = reason
        self.words = words
        super().__init__(reason)


def cause_of(error: ActivityError) -> str:
    """Name the failure without repeating foreign text: the error's type, or that time ran out."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.type or "ApplicationError"
    return type(cause).__name__ if cause else "unknown"


def words_of(error: ActivityError) -> str:
    """What an adapter of ours said of its failure, in a line; foreign text is never repeated."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type not in OUR_WORDS:
        return ""
    return " ".join(cause.message.split())[:MOST_WORDS].rstrip(".")
