"""Counsel at work on an incident under test: sees its clocks, determines, waits for the effect."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowQueryFailedError

from schemas.base import iso
from schemas.clocks.states import ClockState
from schemas.clocks.view import ClockRow, ClocksView
from schemas.incident import Service
from tests.workflows.case import PATIENCE, Case, alert, service

__all__ = ["Counsel", "alert_now", "under"]


def under(*regimes: str, countries: tuple[str, ...] = ("DE",), **parameters: Any) -> Service:
    """The service, under some legal regimes."""
    return service(**parameters).model_copy(update={"regimes": regimes, "countries": countries})


def alert_now() -> Any:
    """An alert that arrives now."""
    return alert().model_copy(update={"received_at": datetime.now(UTC)})


class Counsel:
    """One counsel, one incident."""

    def __init__(self, case: Case, who: str = "one counsel") -> None:
        self.case = case
        self.who = who

    async def clocks(self) -> ClocksView:
        """All clocks."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                view: ClocksView = await self.case.handle.query("clocks", result_type=ClocksView)
            except WorkflowQueryFailedError:  # a worker that has just taken the incident over
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.05)
            else:
                return view

    async def row(self, clock: str) -> ClockRow:
        """One clock."""
        return next(row for row in (await self.clocks()).clocks if row.id == clock)

    async def determines(self, clock: str, what: str, value: str, **more: str) -> None:
        """Send a determination."""
        await self.case.signal("determine", self.signed(clock, what, value, **more))

    def signed(self, clock: str, what: str, value: str, **more: str) -> dict[str, str]:
        """A determination."""
        given = {
            "determination_id": uuid.uuid4().hex,
            "clock": clock,
            "what": what,
            "value": value,
            "reason": "as counsel sees it",
            "actor": self.who,
            "role": "counsel",
        }
        return {**given, **more}

    async def until(self, clock: str, holds: Callable[[ClockRow], bool]) -> ClockRow:
        """Wait until a row is as wanted."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not holds(row := await self.row(clock)):
            said = await self.case.says()
            assert asyncio.get_running_loop().time() < deadline, (row, said)
            await asyncio.sleep(0.02)
        return row

    async def until_state(self, clock: str, state: ClockState) -> ClockRow:
        """Wait until a clock is in a state."""
        return await self.until(clock, lambda row: row.state is state)

    async def aware_since_the_alert(self, clock: str) -> datetime:
        """Rule that *clock* applies, and that the alert was when somebody was aware."""
        row = await self.until(clock, lambda row: bool(row.candidates))
        aware = row.candidates[0].at
        await self.determines(clock, "applicability", "applies")
        await self.determines(clock, "awareness", iso(aware))
        await self.until_state(clock, ClockState.RUNNING)
        return aware
