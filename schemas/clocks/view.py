"""The ledger as people see it: a row a clock, each with one sentence; the answer of ``clocks``."""

from datetime import datetime

from schemas.base import Digest, Frozen, Utc
from schemas.clocks import NOT_LEGAL_ADVICE
from schemas.clocks.arithmetic import Due
from schemas.clocks.definition import ClockDefinition, LegalBasis
from schemas.clocks.ledger import (
    Candidate,
    Clock,
    DueChange,
    Filing,
    Ledger,
    Ruling,
    Said,
    Selection,
)
from schemas.clocks.states import ClockState, keeping_open, state_of


class ClockRow(Frozen):
    """One clock or hold; ``says`` is our own sentence, never text from outside."""

    id: str
    definition: ClockDefinition
    state: ClockState
    says: str
    keeps_open: bool
    due: Utc | None
    readings: Due | None
    due_at_history: tuple[DueChange, ...]
    candidates: tuple[Candidate, ...]
    selections: tuple[Selection, ...]
    rulings: tuple[Ruling, ...]
    filings: tuple[Filing, ...]
    released: Said | None
    superseded_by: str | None


class ClocksView(Frozen):
    """All clocks of an incident, and the edition of the catalogue that it is pinned to."""

    notice: str = NOT_LEGAL_ADVICE
    version: int | None = None
    catalogue: Digest | None = None
    regimes: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    clocks: tuple[ClockRow, ...] = ()


def view_of(ledger: Ledger, basis: LegalBasis | None, now: datetime) -> ClocksView:
    """Return what *ledger* shows at *now*."""
    if basis is None:
        return ClocksView()
    open_for = keeping_open(ledger, now)
    return ClocksView(
        version=basis.version,
        catalogue=basis.catalogue,
        regimes=basis.regimes,
        countries=basis.countries,
        clocks=tuple(
            _row(ledger, clock, now, keeps_open=clock.id in open_for)
            for clock in ledger.clocks.values()
        ),
    )


def _row(ledger: Ledger, clock: Clock, now: datetime, *, keeps_open: bool) -> ClockRow:
    state = state_of(ledger, clock, now)
    heir = ledger.superseded_by(clock) if clock.applies else None
    return ClockRow(
        id=clock.id,
        definition=clock.definition,
        state=state,
        says=sentence(ledger, clock, state),
        keeps_open=keeps_open,
        due=clock.due_at,
        readings=clock.due,
        due_at_history=clock.due_at_history,
        candidates=clock.candidates,
        selections=clock.selections,
        rulings=clock.rulings,
        filings=clock.filings,
        released=clock.released,
        superseded_by=heir.id if heir else None,
    )


def when(clock: Clock) -> str:
    """When the clock is due, in words."""
    if clock.definition.immediate or clock.definition.period is None:
        return clock.definition.label or "without undue delay"
    return f"due {clock.due_at:%Y-%m-%d %H:%M} UTC" if clock.due_at else "due time not known"


def sentence(ledger: Ledger, clock: Clock, state: ClockState) -> str:
    """Say what *state* means for this clock."""
    if clock.definition.kind == "hold":
        return _of_hold(clock, state)
    ruled_out = clock.ruling if clock.ruling and not clock.ruling.applies else None
    heir = ledger.superseded_by(clock) if clock.applies else None
    said: dict[ClockState, str] = {
        ClockState.SCOPE_NOT_DECLARED: f"if it applies, {when(clock)}; counsel decides whether",
        ClockState.NOT_APPLICABLE: (
            f"does not apply, by {ruled_out.said.role}"
            if ruled_out
            else "not in force then, not computed"
        ),
        ClockState.NOT_STARTED: f"applies; starts with {_starts_with(clock)}",
        ClockState.ANCHOR_MISSING: f"applies, at the earliest {when(clock)}; counsel selects when",
        ClockState.RUNNING: when(clock),
        ClockState.TOLLED: "stands still until counsel resumes it",
        ClockState.FILED: "filed",
        ClockState.FILED_LATE: f"filed late, was {when(clock)} in the strict reading",
        ClockState.OVERDUE: f"was {when(clock)} and is not filed",
        ClockState.SUPERSEDED: f"replaced by {heir.id if heir else 'a shorter clock'}",
    }
    return said[state]


def _starts_with(clock: Clock) -> str:
    return (clock.definition.anchor or "a determination").replace("_", " ")


def _of_hold(clock: Clock, state: ClockState) -> str:
    if state is ClockState.FILED:
        return "released"
    if state is ClockState.NOT_APPLICABLE:
        return "does not apply"
    return f"blocks until released: {', '.join(clock.definition.blocks)}".replace("_", " ")
