"""The gate: a pure state machine that turns decisions and silence into one outcome.

Time and identity come in as arguments, so the same machine runs in the workflow, in property tests
and in the offline verifier. A decision counts only for the gate, the nonce and the digest of what
was shown; each ruling says why a decision did not count.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from schemas.base import Digest, Frozen, Name, Utc


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
    """How a gate ended; a gate that holds stays open and is marked as held."""

    APPROVED = "approved"
    REJECTED = "rejected"
    PROCEEDED_BY_POLICY = "proceeded-by-policy"
    WITHDRAWN = "withdrawn"


class GatePolicy(Frozen):
    """Who must agree, how long they have, and what silence means.

    ``ladder`` are the roles that are asked one after the other when nobody answers, every
    ``ladder_every``; a rung's role may then decide as well.
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


class Decision(Frozen):
    """What the ``decide`` signal carries.

    ``statement`` is the place of the signed statement that proves who spoke; until it is required,
    ``actor`` and ``role`` are what the caller says of itself.
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


class Event(StrEnum):
    """What time does to a gate."""

    REMINDER = "reminder"
    ESCALATED = "escalated"
    PROCEEDED = "proceeded"
    HELD = "held"


class GateEvent(Frozen):
    """One thing that fell due; ``to_roles`` are to be told."""

    event: Event
    due: Utc
    to_roles: tuple[Name, ...]


class GateState(Frozen):
    """One opened gate. Never edited: ``decide`` and ``elapse`` return the next state."""

    policy: GatePolicy
    nonce: str
    digest: Digest
    opened_at: Utc
    decisions: tuple[Decision, ...] = ()
    outcome: Outcome | None = None
    ended_at: Utc | None = None
    fired: int = 0
    """How many entries of ``agenda`` are behind us."""
    held: bool = False

    @property
    def closed(self) -> bool:
        """Whether the gate has its outcome; nothing changes it any more."""
        return self.outcome is not None

    @property
    def deadline(self) -> datetime | None:
        """When silence takes effect; None for a standing offer."""
        if self.policy.on_silence is OnSilence.STAND:
            return None
        return self.opened_at + self.policy.timer

    def eligible(self, now: datetime) -> tuple[str, ...]:
        """The roles that may decide at *now*: the policy's and each rung that was reached."""
        rungs = [e.to_roles for e in self.agenda() if e.event is Event.ESCALATED and e.due <= now]
        return self.policy.roles + tuple(role for rung in rungs for role in rung)

    def agenda(self) -> tuple[GateEvent, ...]:
        """All that falls due while nobody answers, in order of time."""
        if self.policy.on_silence is OnSilence.STAND:
            return ()
        policy, end = self.policy, self.opened_at + self.policy.timer
        due = [
            GateEvent(
                event=Event.REMINDER,
                due=self.opened_at + policy.timer * share,
                to_roles=policy.roles,
            )
            for share in policy.reminders
        ]
        due += [
            GateEvent(
                event=Event.ESCALATED,
                due=self.opened_at + policy.ladder_every * (rung + 1),
                to_roles=(role,),
            )
            for rung, role in enumerate(policy.ladder)
        ]
        proceeds = policy.on_silence is OnSilence.PROCEED
        if proceeds:
            due = [event for event in due if event.due < end]
        last = Event.PROCEEDED if proceeds else Event.HELD
        due.append(GateEvent(event=last, due=end, to_roles=policy.roles))
        return tuple(sorted(due, key=lambda event: event.due))

    def next_due(self) -> datetime | None:
        """When ``elapse`` has something to do next; None when nothing is left."""
        agenda = self.agenda()
        if self.closed or self.fired >= len(agenda):
            return None
        return agenda[self.fired].due


def decide(state: GateState, decision: Decision, now: datetime) -> tuple[GateState, Refusal | None]:
    """Apply *decision*; return the next state and, if it changed nothing, why.

    Where silence proceeds, a decision at the deadline or after it is late, whether or not
    ``elapse`` was called first.
    """
    refusal = _refuse(state, decision, now)
    if refusal is not None:
        return state, refusal
    decisions = (*state.decisions, decision)
    approvers = {d.actor for d in decisions if d.choice is Choice.APPROVE}
    outcome: Outcome | None = None
    if decision.choice is Choice.REJECT:
        outcome = Outcome.REJECTED
    elif len(approvers) >= state.policy.quorum:
        outcome = Outcome.APPROVED
    ended = now if outcome else None
    changes = {"decisions": decisions, "outcome": outcome, "ended_at": ended}
    return state.model_copy(update=changes), None


def _refuse(state: GateState, decision: Decision, now: datetime) -> Refusal | None:
    """Why *decision* does not count, or None if it does."""
    if decision.gate != state.policy.id or decision.nonce != state.nonce:
        return Refusal.STALE_NONCE
    if any(decision.decision_id == known.decision_id for known in state.decisions):
        return Refusal.DUPLICATE
    if state.closed or _silence_has_spoken(state, now):
        return Refusal.LATE
    if decision.digest != state.digest:
        return Refusal.OTHER_EXHIBIT
    if decision.role not in state.eligible(now):
        return Refusal.NOT_THE_ROLE
    if decision.choice is Choice.APPROVE and any(
        decision.actor == known.actor for known in state.decisions
    ):
        return Refusal.SAME_PERSON
    return None


def _silence_has_spoken(state: GateState, now: datetime) -> bool:
    proceeds = state.policy.on_silence is OnSilence.PROCEED
    return proceeds and state.deadline is not None and now >= state.deadline


def elapse(state: GateState, now: datetime) -> tuple[GateState, tuple[GateEvent, ...]]:
    """Apply all that fell due by *now*; return the next state and what fell due, in order."""
    if state.closed:
        return state, ()
    agenda = state.agenda()
    due = tuple(event for event in agenda[state.fired :] if event.due <= now)
    changes: dict[str, object] = {"fired": state.fired + len(due)}
    if any(event.event is Event.HELD for event in due):
        changes["held"] = True
    proceeded = next((event for event in due if event.event is Event.PROCEEDED), None)
    if proceeded is not None:
        changes |= {"outcome": Outcome.PROCEEDED_BY_POLICY, "ended_at": proceeded.due}
    return state.model_copy(update=changes), due


def withdraw(state: GateState, now: datetime) -> GateState:
    """End the gate because what it asked about no longer stands."""
    if state.closed:
        return state
    return state.model_copy(update={"outcome": Outcome.WITHDRAWN, "ended_at": now})
