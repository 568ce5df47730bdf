"""Legal clocks in the workflow: durable reminders, a calendar's readings, and what they hold up.

A calendar's answer comes from the port ``compute_due``, so the history keeps it. An incident
without declared regimes has none of this: it asks, waits for and records nothing.
"""

import asyncio
from collections.abc import Callable

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.canonical import digest_of
from schemas.clocks import NOT_LEGAL_ADVICE
from schemas.clocks.determination import with_candidate
from schemas.clocks.ledger import Clock, blocked_by
from schemas.clocks.states import (
    ClockEvent,
    ClockState,
    Lapse,
    elapse,
    keeping_open,
    next_due,
    standing_holds,
    state_of,
)
from schemas.clocks.view import sentence
from schemas.journal import Kind
from schemas.ports.clocks import ComputeDue, compute_due
from workflows.engine import commands
from workflows.engine.clock_ledger import COUNSEL, ClockLedger
from workflows.engine.failures import ActFailed
from workflows.engine.steps import do

CALENDAR_AGAIN = 300.0
"""Seconds until a calendar that did not answer is asked again; strict due times stand already."""

Waiting = dict[str, ClockState]


class LegalClocks(ClockLedger):
    """The clocks of one incident, running."""

    # What time does

    async def keep(self) -> None:
        """Run beside the response: remind, and have the calendar read; stopped at the close."""
        self._begin()
        await asyncio.gather(self._remind(), self._have_read())

    def _begin(self) -> None:
        """Once: record what the incident is pinned to, and the alert as a first candidate."""
        basis = self._basis
        if self._begun or basis is None:
            return
        self._begun, before = True, self.ledger
        pinned = [clock.model_dump(mode="json") for clock in basis.clocks]
        self._record.write(
            Kind.CLOCK,
            f"Legal clocks may apply. {NOT_LEGAL_ADVICE}",
            data={**basis.provenance(), "definitions": digest_of(pinned)},
        )
        arrived = self._intake.first_firing()
        at = min(arrived.received_at, workflow.now()) if arrived else self._record.opened_at
        source = arrived.raw.digest if arrived else ""
        for clock in self.ledger.clocks.values():
            if clock.definition.kind == "clock":
                seen = with_candidate(clock, at, "the first alert arrived", source)
                self.ledger = self.ledger.replace(seen)
        self._recompute("from the first alert")
        self._note_changes(before)
        regimes = ", ".join(basis.regimes)
        self._page("scope", f"Legal clocks may run ({regimes}): decide which apply")
        self._changed()

    async def _remind(self) -> None:
        while True:
            self._elapse()
            due = next_due(self.ledger, workflow.now())
            left = max((due - workflow.now()).total_seconds(), 0.001) if due else None
            await self._until_changed(left)

    async def _until_changed(self, left: float | None) -> None:
        seen = self._edition
        try:
            await commands.until(
                lambda: self._edition != seen,
                within=left,
                summary="legal clocks: next reminder",
            )
        except TimeoutError:
            return

    def _elapse(self) -> None:
        self.ledger, told = elapse(self.ledger, workflow.now())
        for lapse in told:
            clock = self.ledger.clocks[lapse.clock]
            state = state_of(self.ledger, clock, workflow.now())
            says = f"{clock.id}: {_told(lapse)}: {sentence(self.ledger, clock, state)}"
            self._record.write(
                Kind.CLOCK,
                says,
                data={
                    "clock": clock.id,
                    "event": lapse.event.value,
                    "share": lapse.share,
                    "state": state.value,
                    "due": iso(clock.due_at) if clock.due_at else None,
                },
            )
            self._page(f"{clock.id}-{lapse.mark}", says)

    # What a calendar makes of it

    async def _have_read(self) -> None:
        if not self._hands.connected(compute_due):
            if self._say_once("calendar", "no calendar"):
                says = "No connection `clocks`: due times are elapsed time, without any calendar"
                self._record.write(Kind.FINDING, says)
            return
        while True:
            await commands.until(lambda: bool(self._unread()))
            asked = self._unread()
            answered = await asyncio.gather(*(self._read_one(clock) for clock in asked))
            if not all(answered):
                await commands.sleep(CALENDAR_AGAIN, summary="legal clocks: ask the calendar again")

    def _unread(self) -> list[Clock]:
        return [
            clock
            for clock in self.ledger.clocks.values()
            if clock.computed_for and self._read.get(clock.id) != self._asking(clock)
        ]

    def _asking(self, clock: Clock) -> str:
        facts = {fact: iso(at) for fact, at in self.ledger.facts(clock).items()}
        return digest_of({"facts": facts, "terms": clock.definition.model_dump(mode="json")})

    async def _read_one(self, clock: Clock) -> bool:
        countries = self._basis.countries if self._basis else ()
        asking, facts = self._asking(clock), self.ledger.facts(clock)
        request = ComputeDue(definition=clock.definition, facts=facts, countries=countries)
        try:
            due = await self._hands.quietly(do(compute_due, request), key="")
        except ActFailed as error:
            if self._say_once("calendar", error.reason):
                says = "The calendar did not answer: due times are elapsed time until it does"
                self._record.write(Kind.FINDING, says, data={"because": error.reason})
            return False
        now_known = self.ledger.clocks[clock.id]
        if self._asking(now_known) != asking:
            return True  # other facts by now: it is unread still, and asked for again
        before = self.ledger
        self._read[clock.id] = asking
        self._said.pop("calendar", None)
        self.ledger = before.with_due(now_known, due, "by the calendar", workflow.now())
        self._record.write(
            Kind.CLOCK,
            f"{clock.id}: read by the calendar",
            data={"clock": clock.id, "readings": due.model_dump(mode="json")},
        )
        self._note_changes(before)
        self._changed()
        return True

    # What waits for counsel

    async def until_decided(self, unless: Callable[[], bool]) -> None:
        """Keep the incident open while a clock runs or is undecided; *unless* it fires again."""

        def because() -> Waiting:
            return {} if unless() else keeping_open(self.ledger, workflow.now())

        await self._hold_up("legal-clocks", "Closing waits for counsel", because)

    def holds(self, act: str) -> bool:
        """Whether an evidence hold blocks *act*, a port's name, now."""
        return bool(blocked_by(standing_holds(self.ledger), act))

    async def until_released(self, act: str) -> None:
        """Hold *act*, a port's name, while an evidence hold blocks it."""

        def because() -> Waiting:
            held = blocked_by(standing_holds(self.ledger), act)
            clocks = (self.ledger.clocks[hold] for hold in held)
            return {clock.id: state_of(self.ledger, clock, workflow.now()) for clock in clocks}

        await self._hold_up("evidence-hold", f"An evidence hold blocks {act}", because)

    async def _hold_up(self, gate: str, says: str, because: Callable[[], Waiting]) -> None:
        if not because():
            return
        try:
            while waiting := because():
                self._tell_of(gate, says, waiting)
                self._record.waiting[gate] = (COUNSEL,)
                self._record.publish()
                await self._until_other(because, waiting)
        except asyncio.CancelledError:
            self._no_longer_waits(gate)
            raise
        # Not in a finally: that also runs when a worker drops the run, in nobody's event loop.
        self._no_longer_waits(gate)
        self._said.pop(gate, None)
        self._record.write(Kind.GATE, f"{says}: no more", data={"gate": gate})

    def _tell_of(self, gate: str, says: str, waiting: Waiting) -> None:
        named = ", ".join(f"{clock} ({state.value})" for clock, state in waiting.items())
        if self._say_once(gate, named):
            states: dict[str, JsonValue] = {c: s.value for c, s in waiting.items()}
            self._record.write(Kind.GATE, f"{says}: {named}", data={"gate": gate, "clocks": states})
            self._page(f"{gate}-{len(waiting)}", f"{says}: {named}")

    def _no_longer_waits(self, gate: str) -> None:
        self._record.waiting.pop(gate, None)
        self._record.publish()

    async def _until_other(self, because: Callable[[], Waiting], seen: Waiting) -> None:
        await commands.until(lambda: because() != seen)


def _told(lapse: Lapse) -> str:
    if lapse.event is ClockEvent.AT_ONCE:
        return "to be notified at once"
    if lapse.event is ClockEvent.DUE:
        return "its time is over"
    return f"{lapse.share:.0%} of its time is over"
