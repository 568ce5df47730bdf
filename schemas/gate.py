"""What is said at a gate: who is asked and what silence means, what people answer, what follows.

The machine that turns these into one outcome is ``schemas.gate_machine``.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from schemas.base import Digest, Frozen, Name, Utc
from schemas.step import StepClass

TWO_PAIRS_OF_EYES = (StepClass.DESTROY, StepClass.RESTORE, StepClass.DISCLOSE)
"""The classes of step that one person alone never agrees to (domain: four-eyes)."""


class Choice(StrEnum):
    """What a person can say at a gate."""

    APPROVE = "approve"
    REJECT = "reject"


class OnSilence(StrEnum):
    """What happens when nobody answers until the timer ends."""

    PROCEED = "proceed"
    HOLD = "hold"
    STAND = "stand"
    """A standing offer: it has no timer and asks nothing of anybody."""


class Outcome(StrEnum):
    """How a gate stands; only one held by policy is still open and takes decisions."""

    APPROVED = "approved"
    REJECTED = "rejected"
    PROCEEDED_BY_POLICY = "proceeded-by-policy"
    HELD_BY_POLICY = "held-by-policy"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Exclusion(StrEnum):
    """Who may not decide, though their role might; counts where people are declared."""

    REQUESTER = "requester"
    EXECUTOR = "executor"
    CONFLICT = "conflict-of-interest"


class GatePolicy(Frozen):
    """Who must agree, how long they have, and what silence means.

    ``ladder`` are the roles that are asked one after the other when nobody answers, every
    ``ladder_every``; a rung's role may then decide as well. A gate of a class that needs two pairs
    of eyes is refused with a quorum of one, unless ``one_person_because`` says why. A suspect and
    their delegates never decide, whatever the policy.
    """

    id: Name
    asks: str
    roles: tuple[Name, ...] = Field(min_length=1)
    quorum: int = Field(default=1, ge=1)
    timer: timedelta = timedelta(minutes=10)
    reminders: tuple[float, ...] = (0.5, 0.75, 0.9)
    ladder: tuple[Name, ...] = ()
    ladder_every: timedelta = timedelta(minutes=5)
    on_silence: OnSilence = OnSilence.HOLD
    step_class: StepClass | None = None
    all_roles: bool = False
    """Each of ``roles`` is to be represented; a rung that was reached stands in for any of them."""
    distinct_persons: bool = True
    """False: one person may sign in two roles."""
    exclude: tuple[Exclusion, ...] = tuple(Exclusion)
    expires_after: timedelta | None = None
    """When the question is over if nobody settled it, counted from its opening."""
    on_reject: str = ""
    """The branch that a rejection takes, in words."""
    step_up: bool = False
    """A fresh proof of identity is asked for; what takes two pairs of eyes asks for it anyway."""
    own_key: bool = False
    """Only the deciders' own keys count: not even the gateway can speak for them."""
    one_person_because: str = ""

    @model_validator(mode="after")
    def _two_pairs_of_eyes(self) -> Self:
        lone = self.quorum < 2 or not self.distinct_persons
        if self.step_class in TWO_PAIRS_OF_EYES and lone and not self.one_person_because:
            raise ValueError(
                f"gate {self.id}: a step that can {self.step_class} takes two pairs of eyes"
            )
        return self

    def for_class(self, step_class: StepClass) -> "GatePolicy":
        """Return this policy as the gate of a step of *step_class*, with two pairs of eyes."""
        changes: dict[str, object] = {"step_class": step_class}
        if step_class in TWO_PAIRS_OF_EYES and not self.one_person_because:
            changes |= {"quorum": max(self.quorum, 2), "distinct_persons": True}
        return self.model_copy(update=changes)


class Decision(Frozen):
    """What the ``decide`` signal carries.

    ``statement`` is the signed statement that proves who spoke; where an incident has no keys to
    ask for it, ``actor`` and ``role`` are what the caller says of itself.
    """

    decision_id: str = Field(min_length=1, max_length=128)
    gate: Name
    nonce: str = Field(max_length=128)
    digest: Digest
    choice: Choice
    actor: str = Field(min_length=1, max_length=200)
    role: Name
    reason: str = Field(min_length=1, max_length=4000)
    statement: str | None = None


class Withdrawal(Frozen):
    """What the ``withdraw`` signal carries: a person takes back an approval, until it is used."""

    withdrawal_id: str = Field(min_length=1, max_length=128)
    decision_id: str = Field(min_length=1, max_length=128)
    gate: Name
    actor: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=4000)
    statement: str | None = None


class BreakGlassUse(Frozen):
    """What the ``break-glass`` signal carries: who is declared for it may then decide alone."""

    use_id: str = Field(min_length=1, max_length=128)
    gate: Name
    nonce: str = Field(max_length=128)
    actor: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=4000)
    statement: str | None = None


class Refusal(StrEnum):
    """Why a decision changed nothing."""

    MALFORMED = "malformed"
    EARLY = "early"
    LATE = "late"
    STALE_NONCE = "stale-nonce"
    OTHER_EXHIBIT = "other-exhibit"
    DUPLICATE = "duplicate"
    SAME_PERSON = "same-person"
    NOT_THE_ROLE = "not-the-role"
    EXCLUDED = "excluded"
    NOT_YOURS = "not-yours"
    NOT_UNDER_WAY = "not-under-way"
    UNAUTHENTICATED = "unauthenticated"
    STEP_UP_ASKED = "step-up-asked"
    OWN_KEY_ASKED = "own-key-asked"
    REJECTED_TEXT = "rejected-text"


class Event(StrEnum):
    """What time, and the coming and going of people, does to a gate."""

    REMINDER = "reminder"
    ESCALATED = "escalated"
    PROCEEDED = "proceeded"
    HELD = "held"
    EXPIRED = "expired"
    POOL_TOO_SMALL = "pool-too-small"
    NOBODY_LEFT = "nobody-left"


class GateEvent(Frozen):
    """One thing that fell due; ``to_roles`` are to be told."""

    event: Event
    due: Utc
    to_roles: tuple[Name, ...]
