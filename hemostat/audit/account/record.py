"""The record of one incident as it was read: its journal, and what is known about the reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.audit.reads import Read
from schemas.errors import BadInput, HemostatError
from schemas.journal import Entry, Kind, verify_chain


@dataclass(frozen=True)
class Seals:
    """What the sealer declared, checkpoint by checkpoint; verifying them is another command's."""

    count: int
    stamps: int
    """How many of them have a timestamp from outside."""
    first_at: str
    last_at: str
    alarms: Sequence[str] = ()
    """What it saw Temporal serve otherwise than it had sealed."""


@dataclass(frozen=True)
class Record:
    """A journal and where it came from; ``gaps`` say what could not be read, and why."""

    source: str
    """``pack``, ``histories`` (the journal then is the one that a replay writes) or ``Temporal``."""
    entries: Sequence[Entry]
    gaps: Sequence[str] = ()
    code: Mapping[str, Any] | None = None
    runs: int | None = None
    builds: Sequence[str] = ()
    """The worker builds that the histories name as having decided."""
    reads: Sequence[Read] | None = None
    """Who read it until its close; None: the source does not say."""
    ending: str | None = None
    """How its last run ended where no entry closes it, as the history says; None: it is not known."""
    seals: "Seals | None" = None
    """The checkpoints that came with it, their signatures not checked; None: the source has none."""
    harm: Sequence[datetime] = ()
    """When harm began, where the histories say it and the journal does not."""

    def __post_init__(self) -> None:
        if not self.entries or self.entries[0].kind is not Kind.OPENED:
            raise BadInput(
                "the journal does not begin with the incident's opening",
                where=self.source,
                next_step="give a pack, all runs of an incident, or start a worker.",
            )

    @property
    def opened(self) -> Mapping[str, Any]:
        """What the first entry says."""
        return self.entries[0].data

    @property
    def head(self) -> str:
        """The digest of the last entry."""
        return self.entries[-1].digest

    def chain_breaks(self) -> str | None:
        """Where the chain breaks, in words; None: it holds."""
        try:
            verify_chain(self.entries)
        except HemostatError as error:
            return str(error)
        return None


def at(entry: Entry) -> datetime:
    """When an entry was written."""
    return datetime.fromisoformat(entry.at)
