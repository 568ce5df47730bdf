"""In which state a clock is, what of it is due next, and what keeps an incident from closing.

Pure: everything follows from the ledger and the time. A clock of undeclared scope is neither
overdue nor silent: it is shown, and reminded of, as *if it applies, due then*.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from schemas.base import Frozen, Utc
from schemas.clocks.arithmetic import begins_in_force
from schemas.clocks.definition import AWARENESS, DECIDED, AnchorKind
from schemas.clocks.ledger import Clock, Ledger

LAST_STRETCH = 0.15
"""The share of a clock's time at whose beginning what was agreed to beforehand is sent."""

REMINDERS = (0.5, 0.75, 0.9)
"""The shares of a clock's time at which counsel is reminded."""


class ClockState(StrEnum):
    """Where a clock stands."""

    SCOPE_NOT_DECLARED = "scope-not-declared"
    NOT_APPLICABLE = "not-applicable"
    NOT_STARTED = "not-started"
    ANCHOR_MISSING = "anchor-missing"
    RUNNING = "running"
    TOLLED = "tolled"
    FILED = "filed"
    FILED_LATE = "filed-late"
    OVERDUE = "overdue"
    SUPERSEDED = "superseded"


KEEPS_OPEN = frozenset(
    {
        ClockState.SCOPE_NOT_DECLARED,
        ClockState.ANCHOR_MISSING,
        ClockState.RUNNING,
        ClockState.TOLLED,
        ClockState.OVERDUE,
    }
)
"""The states in which an incident may not close, whatever the clock."""


def state_of(ledger: Ledger, clock: Clock, now: datetime) -> ClockState:
    """Return the state of *clock* at *now*."""
    if not _in_force(ledger, clock):
        return ClockState.NOT_APPLICABLE
    if clock.definition.kind == "hold":
        return _state_of_hold(clock)
    if clock.ruling is None:
        return ClockState.SCOPE_NOT_DECLARED
    if not clock.ruling.applies:
        return ClockState.NOT_APPLICABLE
    if clock.filings:
        due = clock.due_at
        late = due is not None and not clock.definition.immediate and clock.filings[0].at > due
        return ClockState.FILED_LATE if late else ClockState.FILED
    if ledger.superseded_by(clock):
        return ClockState.SUPERSEDED
    if clock.stands_still:
        return ClockState.TOLLED
    return _unstarted(ledger, clock) or _running(clock, now)


def _in_force(ledger: Ledger, clock: Clock) -> bool:
    start = ledger.start(clock)
    if start is None:
        return clock.definition.in_force
    return begins_in_force(clock.definition, start.date())


def _state_of_hold(hold: Clock) -> ClockState:
    if hold.released is not None:
        return ClockState.FILED
    if hold.ruling is None:
        return ClockState.SCOPE_NOT_DECLARED
    return ClockState.RUNNING if hold.ruling.applies else ClockState.NOT_APPLICABLE


def _unstarted(ledger: Ledger, clock: Clock) -> ClockState | None:
    """Whether what starts the clock has not happened, or happened at a time not yet selected."""
    anchor = clock.definition.starts_at
    if clock.definition.anchor is None and clock.definition.period is None:
        return None  # without undue delay: it runs from the ruling
    if anchor.kind is AnchorKind.FILED:
        return None if ledger.facts(clock) else ClockState.NOT_STARTED
    unselected = [fact for fact in anchor.facts if clock.selected(fact) is None]
    if any(fact in DECIDED for fact in unselected):
        return ClockState.NOT_STARTED
    return ClockState.ANCHOR_MISSING if unselected else None


def _running(clock: Clock, now: datetime) -> ClockState:
    late = clock.due_at is not None and not clock.definition.immediate and now > clock.due_at
    return ClockState.OVERDUE if late else ClockState.RUNNING


def standing_holds(ledger: Ledger) -> dict[str, Clock]:
    """The holds that nobody released yet; one holds until counsel says that it does not."""
    return {
        clock.id: clock
        for clock in ledger.clocks.values()
        if clock.definition.kind == "hold"
        if clock.released is None and (clock.ruling is None or clock.ruling.applies)
    }


def keeping_open(ledger: Ledger, now: datetime) -> dict[str, ClockState]:
    """The clocks that keep the incident from closing: running, undecided, or not yet determined."""
    found: dict[str, ClockState] = {}
    for clock in ledger.clocks.values():
        state = state_of(ledger, clock, now)
        undetermined = state is ClockState.NOT_STARTED and _waits_for_a_decision(clock)
        if state in KEEPS_OPEN or undetermined:
            found[clock.id] = state
    return found


def _waits_for_a_decision(clock: Clock) -> bool:
    facts = clock.definition.starts_at.facts
    return any(fact in DECIDED for fact in facts)


class ClockEvent(StrEnum):
    """What time does to a clock."""

    REMINDER = "reminder"
    DUE = "due"
    AT_ONCE = "at-once"


class Lapse(Frozen):
    """One thing that fell due; ``share`` of the clock's time is over."""

    clock: str
    event: ClockEvent
    share: float
    at: Utc

    @property
    def mark(self) -> str:
        """What tells it apart: a deadline that moved is reminded of anew."""
        return f"{self.event.value}-{self.share:.2f}-{self.at:%Y%m%dT%H%M%S}"


LIVE = frozenset(
    {
        ClockState.SCOPE_NOT_DECLARED,
        ClockState.ANCHOR_MISSING,
        ClockState.NOT_STARTED,
        ClockState.RUNNING,
        ClockState.OVERDUE,
    }
)


def agenda(ledger: Ledger, clock: Clock, now: datetime) -> tuple[Lapse, ...]:
    """All that falls due of a live clock and was not told yet, in order of time."""
    state = state_of(ledger, clock, now)
    if state not in LIVE or clock.definition.kind == "hold":
        return ()
    return tuple(lapse for lapse in _planned(ledger, clock, state) if lapse.mark not in clock.fired)


def _planned(ledger: Ledger, clock: Clock, state: ClockState) -> Iterator[Lapse]:
    start, due = ledger.start(clock), clock.due_at
    if clock.definition.immediate or (clock.definition.period is None and clock.applies):
        since = start or (clock.ruling.said.at if clock.ruling else None)
        if since is not None and state is ClockState.RUNNING:
            yield Lapse(clock=clock.id, event=ClockEvent.AT_ONCE, share=0.0, at=since)
        return
    if start is None or due is None:
        return
    for share in REMINDERS:
        at = start + (due - start) * share
        yield Lapse(clock=clock.id, event=ClockEvent.REMINDER, share=share, at=at)
    yield Lapse(clock=clock.id, event=ClockEvent.DUE, share=1.0, at=due)


def elapse(ledger: Ledger, now: datetime) -> tuple[Ledger, tuple[Lapse, ...]]:
    """Apply all that fell due by *now*; of several of one clock only the last is told."""
    told: list[Lapse] = []
    for clock in ledger.clocks.values():
        past = [lapse for lapse in agenda(ledger, clock, now) if lapse.at <= now]
        if past:
            told.append(past[-1])
            fired = (*clock.fired, *(lapse.mark for lapse in past))
            ledger = ledger.replace(clock.changed(fired=fired))
    return ledger, tuple(told)


def next_due(ledger: Ledger, now: datetime) -> datetime | None:
    """When ``elapse`` has something to do next; None when nothing is left."""
    ahead = [lapse.at for clock in ledger.clocks.values() for lapse in agenda(ledger, clock, now)]
    return min(ahead, default=None)


def last_stretch(ledger: Ledger, clock: Clock) -> datetime | None:
    """When the last 15 % of the clock's time begin; None while start or due time is not known."""
    start, due = ledger.start(clock), clock.due_at
    if start is None or due is None or clock.definition.immediate:
        return None
    return due - (due - start) * LAST_STRETCH


def starts_by_awareness(clock: Clock) -> str | None:
    """The fact of knowledge that starts *clock*, if one does."""
    return next((f for f in clock.definition.starts_at.facts if f in AWARENESS), None)


def starts_by_decision(clock: Clock) -> str | None:
    """The decided fact that starts *clock*, if one does."""
    return next((f for f in clock.definition.starts_at.facts if f in DECIDED), None)
