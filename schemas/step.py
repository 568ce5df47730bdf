"""The classes of a step and what became of it; the engine derives the order rule from the class."""

from enum import StrEnum
from typing import Any

from pydantic import JsonValue, SerializerFunctionWrapHandler, model_serializer

from schemas.base import Frozen


class StepClass(StrEnum):
    """What a step may do, and so what it must wait for (see ARCHITECTURE.md, the order rule)."""

    OBSERVE = "observe"
    CONTAIN = "contain"
    DESTROY = "destroy"
    RESTORE = "restore"
    DISCLOSE = "disclose"


class ProofVerdict(StrEnum):
    """Whether an effect was shown by another path than the write; only PROVEN counts."""

    PROVEN = "proven"
    DISPROVEN = "disproven"
    UNPROVABLE = "unprovable"


class StepState(StrEnum):
    """Where a step stands."""

    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    PROVEN = "proven"
    DISPROVEN = "disproven"
    UNPROVABLE = "unprovable"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNDONE = "undone"


class Observation(Frozen):
    """One look at one thing during a proof."""

    check: str
    held: bool | None
    """None: the look itself failed, nothing was shown."""
    measured: dict[str, JsonValue] = {}
    by: str | None = None
    """The port of the look and the connection that it went over; None: the record does not tell."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_told(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Incidents that do not tell it have it nowhere, as those before them."""
        written: dict[str, Any] = write(self)
        if self.by is None:
            written.pop("by", None)
        return written


class StepView(Frozen):
    """A step as people see it."""

    id: str
    title: str
    step_class: StepClass
    state: StepState
    attempt: int = 1
    commanded_at: str | None = None
    proven_at: str | None = None
    held_at: str | None = None
    """When a containment that was proven was last seen to hold still; None: not looked at again."""
    unseen_since: str | None = None
    """Since when no look at it could be made; it is not known to be lost."""
