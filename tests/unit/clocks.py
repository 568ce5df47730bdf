"""Counsel's desk: a ledger for some regimes, time that passes, and determinations on it."""

import itertools
from datetime import UTC, datetime, timedelta

from schemas.clocks.catalogue import catalogue
from schemas.clocks.determination import Determination, NoEffect, determine, with_candidate
from schemas.clocks.ledger import Ledger
from schemas.clocks.states import ClockState, Lapse, elapse, state_of


class Desk:
    """One incident's clocks, without any workflow."""

    def __init__(self, *regimes: str, now: datetime | None = None) -> None:
        self.ledger = Ledger.of(catalogue().basis(regimes))
        self.now = now or datetime(2026, 12, 18, 15, tzinfo=UTC)
        self._ids = itertools.count()

    def then(self, **ago: float) -> str:
        """A moment so long ago, as text."""
        return (self.now - timedelta(**ago)).isoformat()

    def pass_(self, **time: float) -> tuple[Lapse, ...]:
        """Let time pass; return what fell due."""
        self.now += timedelta(**time)
        self.ledger, told = elapse(self.ledger, self.now)
        return told

    def alarmed(self) -> None:
        """An alert arrives now: a candidate for everything that awareness starts."""
        for clock in self.ledger.clocks.values():
            seen = with_candidate(clock, self.now, "the first alert", "")
            self.ledger = self.ledger.replace(seen)
        self._compute()

    def says(self, clock: str, what: str, value: str, **more: str) -> None:
        """Determine something that has an effect."""
        why = self._try(clock, what, value, **more)
        assert why is None, why

    def refused(self, clock: str, what: str, value: str, **more: str) -> str:
        """Determine something that has none; return why."""
        before = self.ledger
        why = self._try(clock, what, value, **more)
        assert self.ledger == before
        assert why is not None
        return why.value

    def state(self, clock: str) -> ClockState:
        """The state of a clock now."""
        return state_of(self.ledger, self.ledger.clocks[clock], self.now)

    def due(self, clock: str) -> datetime | None:
        """When a clock is due."""
        return self.ledger.clocks[clock].due_at

    def _try(self, clock: str, what: str, value: str, **more: str) -> NoEffect | None:
        given = {
            "determination_id": f"d{next(self._ids)}",
            "clock": clock,
            "what": what,
            "value": value,
            "reason": "counsel's reason",
            "actor": "the counsel",
            "role": "counsel",
        }
        determination = Determination.model_validate({**given, **more})
        self.ledger, why = determine(self.ledger, determination, self.now)
        self._compute()
        return why

    def _compute(self) -> None:
        for clock in self.ledger.to_compute():
            due = self.ledger.provisional(clock)
            self.ledger = self.ledger.with_due(clock, due, "new facts", self.now)
