"""Who may see which incident: by need to know, and never the person it is about.

Most incidents anyone may see who may see any; the list's own mark tells those apart, so that only
the marked ones are asked one by one. Where no answer can be had, nobody sees it but by a mark that
says it is for all.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from temporalio.client import Client

from hemostat.incidents import sight
from hemostat.incidents.asking import Line, asked_for
from hemostat.incidents.incident_row import IncidentRow
from hemostat.settings import Settings
from schemas.errors import HemostatError
from schemas.incident import Sight
from schemas.who import NEED_TO_KNOW, Who

LISTED_WITHIN: Final = timedelta(seconds=2)
"""How long a list waits for one incident's own answer; a dead worker does not hold up the rest."""

_SILENT_FOR: Final = 5.0
_AT_ONCE: Final = 32
_REMEMBERED: Final = 10_000


class Access:
    """Decides who sees what. Sights of closed incidents are remembered: they change no more."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: OrderedDict[tuple[str, str], Sight] = OrderedDict()
        self._silences: dict[str, float] = {}

    async def may_see(self, client: Client, who: Who, row: IncidentRow) -> bool:
        """Whether *who* may see this incident; False as well where nobody answers who may."""
        if self._for_all(row):
            return True
        try:
            seen = await self._sight(client, row, who.person)
        except HemostatError:
            if row.restricted is None:
                raise  # nothing says that it hides anything: tell that nobody answers
            return False
        return self._allows(who, row, seen)

    async def visible(
        self, client: Client, who: Who, rows: Sequence[IncidentRow]
    ) -> list[IncidentRow]:
        """Return those of *rows* that *who* may see, in their order.

        All of them are asked within one time; what is silent is left out, and for some seconds
        it is not waited for again.
        """
        asked = [row for row in rows if not self._for_all(row)]
        if not asked:
            return list(rows)
        at_once = asyncio.Semaphore(_AT_ONCE)
        ends_at = asyncio.get_running_loop().time() + LISTED_WITHIN.total_seconds()

        async def one(row: IncidentRow) -> bool:
            if self._silent(row):
                return False
            async with at_once:
                try:
                    async with asyncio.timeout_at(ends_at):
                        return await self.may_see(client, who, row)
                except TimeoutError:
                    self._silences[row.run_id] = ends_at + _SILENT_FOR
                    return False
                except HemostatError:
                    return False

        with asked_for(Line.LISTS):
            sights = await asyncio.gather(*(one(row) for row in asked))
        hidden = {row.run_id for row, may in zip(asked, sights, strict=True) if not may}
        return [row for row in rows if row.run_id not in hidden]

    def _silent(self, row: IncidentRow) -> bool:
        """Whether this incident let a list wait just now, in vain."""
        now = asyncio.get_running_loop().time()
        if len(self._silences) > _REMEMBERED:
            self._silences = {run: at for run, at in self._silences.items() if at > now}
        return self._silences.get(row.run_id, 0.0) > now

    def _for_all(self, row: IncidentRow) -> bool:
        """Whether nobody is kept from seeing it, as it was opened and as the settings are now."""
        table = self._settings.services.get(row.service)
        return row.restricted is False and not (table and table.restricted)

    def _allows(self, who: Who, row: IncidentRow, seen: Sight) -> bool:
        if seen.excluded:
            return False
        table = self._settings.services.get(row.service)
        # A marked incident of a service that is not configured any more: only by need to know.
        restricted = table.restricted if table else bool(row.restricted)
        if not restricted or who.kind == "auditor" or (seen.asked and who.kind == "person"):
            return True
        needs = table.need_to_know if table else NEED_TO_KNOW
        return bool(set(needs) & set(who.roles))

    async def _sight(self, client: Client, row: IncidentRow, person: str) -> Sight:
        key = (row.run_id, person)
        if key not in self._known:
            seen = await sight(client, row.id, person, None if row.open else row.run_id)
            if row.open:
                return seen
            self._known[key] = seen
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]
