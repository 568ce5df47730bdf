"""What a list shows of open incidents beyond Temporal's own list: one look for all who ask.

A worker is asked once for an incident whose row stays the same, and again after a second, or up to
five where a crowd looks; everybody who looks at the list meanwhile takes the same answer. A row that changed is another question. An
incident that did not answer is not waited for again for some seconds, so that a list is never held
up by one that is silent. Nobody is shown anything by this who was not shown the row.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client

from hemostat import incidents
from hemostat.incidents.asking import Line, asked_for
from hemostat.incidents.incident_row import IncidentRow
from schemas.base import Frozen
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError
from schemas.incident import IncidentView

WITHIN: Final = 0.75
"""Seconds that a list waits for all that it asks."""
FRESH_FOR: Final = 1.0
_FRESHER_BY: Final = 0.1
_FRESH_AT_MOST: Final = 5.0
SILENT_FOR: Final = 10.0
_PATIENCE: Final = 2.0
"""Seconds until an incident counts as silent; what comes late is there for the next who ask."""
_AT_ONCE: Final = 32
_REMEMBERED: Final = 1_000


class Summary(Frozen):
    """What only a worker knows of an open incident: where it stands, and its clocks."""

    view: IncidentView
    clocks: ClocksView


@dataclass
class _Asked:
    """A question under way or answered; it is asked anew from ``until`` on."""

    row: IncidentRow
    answer: asyncio.Task[Summary | None]
    began: float
    taken: int = 0
    """How many looked at it besides who asked."""

    def stands(self, row: IncidentRow, now: float) -> bool:
        """Whether it is good for *row* still."""
        if row != self.row:
            return False
        if not self.answer.done():
            return True
        silent = self.answer.cancelled() or self.answer.result() is None
        fresh_for = min(FRESH_FOR + self.taken * _FRESHER_BY, _FRESH_AT_MOST)
        return now < self.began + (SILENT_FOR if silent else fresh_for)


class Summaries:
    """The summaries that this process asked for of late."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def of(self, client: Client, rows: Sequence[IncidentRow]) -> dict[str, Summary]:
        """Return the summaries of *rows*, by id; what is silent is left out."""
        now = asyncio.get_running_loop().time()
        asked = {row.id: self._ask(client, row, now) for row in rows}
        late = now - WITHIN
        waited_for = {one.answer for one in asked.values() if one.began > late}
        if waited_for:
            await asyncio.wait(waited_for, timeout=WITHIN)
        found = {}
        for incident, one in asked.items():
            if one.answer.done() and not one.answer.cancelled():
                summary = one.answer.result()
                if summary is not None:
                    found[incident] = summary
        return found

    def _ask(self, client: Client, row: IncidentRow, now: float) -> _Asked:
        known = self._asked.get(row.run_id)
        if known is not None and known.stands(row, now):
            known.taken += 1
            return known
        with asked_for(Line.LISTS):
            asked = _Asked(row, asyncio.create_task(self._look(client, row)), now)
        self._asked[row.run_id] = asked
        self._asked.move_to_end(row.run_id)
        while len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return asked

    async def _look(self, client: Client, row: IncidentRow) -> Summary | None:
        async with self._at_once:
            try:
                async with asyncio.timeout(_PATIENCE):
                    seen, clocks = await asyncio.gather(
                        incidents.view(client, row.id), incidents.legal_clocks(client, row.id)
                    )
            except (HemostatError, TimeoutError):
                return None
        return Summary(view=seen, clocks=clocks)
