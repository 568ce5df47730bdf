"""What is known of a containment that stands: how to look at it, and what looking has shown."""

from dataclasses import dataclass
from datetime import datetime

from schemas.base import Frozen
from workflows.engine.proof import Proof
from workflows.engine.steps import Step

KEPT, CONTAINED_AGAIN = "watch what stands", "watch what is contained again"
"""What looks again and what acts on a loss runs beside the response under these names."""


class Memory(Frozen):
    """What is known of one standing step; all of it goes into the next run."""

    poll: int = 0
    looks: int = 0
    held_at: str | None = None
    streak: int = 0
    """Looks in a row that showed the opposite."""
    unseen_since: str | None = None
    unseen_told: bool = False
    outages: int = 0
    losses: int = 0
    again: int | None = None
    """The attempt under way after a loss; None: none is."""
    rests: bool = False
    """It is being re-opened by people: that it does not hold is no loss."""
    over: bool = False


@dataclass(frozen=True)
class Standing:
    """One containing step and how it is looked at again."""

    step: Step
    by: Proof
    over: frozenset[str]
    until: datetime | None
    asks: bool
    """Whether it is asked for before it is done again."""
