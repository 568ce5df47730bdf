"""A checkpoint: what was the record of one incident at a moment, signed, chained to the one before.

It covers every event up to ``last_event`` of ``run`` and, where a worker answered, the journal up
to its length then. Its number is its name in the write-once store: there is one of each.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.audit.chain import RunHeader
from schemas.audit.signing import Kid, Moment
from schemas.audit.strict import Count, Ordered, in_order
from schemas.base import Digest

KIND = "checkpoint"


class Why(StrEnum):
    """What made the sealer write it."""

    START = "start"
    GATE = "gate"
    INTERVAL = "interval"
    RUN = "run"
    """A run ended and the incident goes on in another."""
    ALARM = "alarm"
    """What Temporal serves is not what was sealed; ``gaps`` says where."""
    CLOSE = "close"


class Outcome(StrEnum):
    """How the last run ended, in Temporal's words; or that it was gone."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed-out"
    MISSING = "missing"
    """The workflow was deleted while it was open, or before its end was sealed."""


class Segment(Ordered):
    """The bytes of the events since the checkpoint before: an object of the store, by digest."""

    digest: Digest
    first_event: Count = Field(ge=1)
    size: Count


class JournalAt(Ordered):
    """The journal at that moment."""

    added: Digest | None = None
    """Its entries since the checkpoint before, as lines: an object of the store, by digest."""
    head: Digest
    length: Count


class Checkpoint(Ordered):
    """The body that is signed."""

    at: Moment
    first_run: str
    format: Literal["hemostat-checkpoint/1"] = "hemostat-checkpoint/1"
    gaps: tuple[str, ...] = ()
    """What should be in the record and could not be had; declared, never silent."""
    head: Digest
    """Of the event chain, after ``last_event``."""
    incident: str
    journal: JournalAt | None = None
    kid: Kid
    last_event: Count
    outcome: Outcome | None = None
    """At the close only, as are ``sealed``."""
    previous: Digest
    """The digest of the checkpoint before; zeros for the first."""
    run: RunHeader
    sealed: Annotated[dict[str, Digest], AfterValidator(in_order)] = {}
    """What else belongs to the record, by its name in a pack."""
    segment: Segment | None = None
    seq: Count
    why: Why
