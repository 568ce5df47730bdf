"""What goes on alongside the response: later alerts, counsel's determinations, what they call for.

Whoever is waited for in the response itself, what runs here goes on. It is stopped when the alert
is judged false and when the incident winds up; in a new run the playbook begins it again, and each
step of it is done once all the same.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

from temporalio import workflow

from schemas.clocks.ledger import Clock
from schemas.clocks.states import ClockState, last_stretch, state_of
from schemas.journal import Kind
from schemas.step import StepClass, StepState
from workflows.engine import commands
from workflows.engine.drafting import Drafting
from workflows.engine.failures import StepGivenUp
from workflows.engine.proof import Proof
from workflows.engine.steps import Act, Step

OWED = frozenset({ClockState.ANCHOR_MISSING, ClockState.RUNNING, ClockState.OVERDUE})
"""The states of a clock in which a notification is owed and was not made."""


NOTHING_OWED = frozenset(
    {
        ClockState.FILED,
        ClockState.FILED_LATE,
        ClockState.NOT_APPLICABLE,
        ClockState.SUPERSEDED,
    }
)
"""The states in which a notification was made, or none is to be."""


class Alongside(Drafting):
    """The verbs for what does not wait its turn."""

    def alongside(self, title: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do *work* alongside the response; await what is returned where its end matters."""
        return self._in_background(self._until_given_up(title, work), f"watch {title}")

    def beside(self, title: str, act: Act[Any, Any], proof: Proof) -> None:
        """Do something small beside the response; failing, it is noted and keeps nobody waiting."""
        self._in_background(self._beside(self._id(title), title, act, proof), "beside")

    async def _beside(self, step: str, title: str, act: Act[Any, Any], proof: Proof) -> None:
        if step not in self._results:
            self.record.begin(step, title, StepClass.OBSERVE, 1)
            at = self._kept(f"under way {step}", {"attempt": 1})
            _, why = await self._attempt(Step(step, title, StepClass.OBSERVE, [act], proof), at)
            self._results.pop(f"under way {step}")
            self._results[step] = why

    async def shows(self, title: str, act: Act[Any, Any], proof: Proof) -> StepState:
        """Look whether *proof* holds, once, and say what it came to; nobody is asked to go on."""
        await self._beside(self._id(title), title, act, proof)
        return self.record.steps[self._id(title)].state

    async def _until_given_up(self, title: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StepGivenUp as error:
            self.record.write(Kind.FINDING, f"{title}: stops here: {error.what}")

    def follows(self, change: str) -> bool:
        """Whether this run began with *change* in its playbook; older ones go on without it."""
        return workflow.patched(change)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until *holds*, however long."""
        await commands.until(holds)

    @property
    def round(self) -> int:
        """Which response of this incident this is; another begins if it fires while it closes."""
        return self._round

    def done_before(self, title: str) -> bool:
        """Whether a step of this title was proven, in this response or an earlier one."""
        this = self._id(title)
        plain = this.removesuffix(f"-r{self._round}")
        ids = {this, plain, *(f"{plain}-r{n}" for n in range(2, self._round))}
        return any(
            step.id in ids and step.state is StepState.PROVEN for step in self.record.steps.values()
        )

    # Legal clocks

    def legal_clocks(self) -> tuple[Clock, ...]:
        """The clocks of this incident that ask for a notification; holds are none."""
        clocks = self.clocks.ledger.clocks.values()
        return tuple(clock for clock in clocks if clock.definition.kind == "clock")

    def owed(self, clock: str) -> bool:
        """Whether counsel found that the clock applies, and the notification is not made yet."""
        ledger = self.clocks.ledger
        return state_of(ledger, ledger.clocks[clock], workflow.now()) in OWED

    async def until_last_stretch(self, clock: str, unless: Callable[[], bool]) -> bool:
        """Wait until 15 % of a clock's time is left and it is owed still; False: *unless* is so.

        A due time that moves, and a clock that is tolled, are followed.
        """
        while not unless():
            ledger = self.clocks.ledger
            known, now = ledger.clocks[clock], workflow.now()
            begins = last_stretch(ledger, known) if self.owed(clock) else None
            if begins is not None and begins <= now:
                return True
            try:
                await commands.until(
                    partial(self._either, unless, clock, known),
                    within=begins - now if begins is not None else None,
                    summary=f"{clock}: 15 % of its time is left",
                )
            except TimeoutError:
                continue
        return False

    def _either(self, unless: Callable[[], bool], clock: str, known: Clock) -> bool:
        return unless() or self.clocks.ledger.clocks[clock] != known

    def nothing_owed(self, clock: str) -> bool:
        """Whether nothing is to be notified under the clock any more, as counsel sees it."""
        ledger = self.clocks.ledger
        return state_of(ledger, ledger.clocks[clock], workflow.now()) in NOTHING_OWED

    def could_have_known(self, at: datetime, basis: str) -> None:
        """Add a moment at which somebody may have been aware; counsel selects among them."""
        self.clocks.propose(at, basis)
