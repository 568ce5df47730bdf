"""The console's desk for those who may see: what a person must not see is not there on any page."""

from collections.abc import Awaitable, Callable

from temporalio.client import Client

from hemostat.console.temporal_desk import PAGE, ListPage, TemporalDesk, Wanted
from hemostat.desk.desk import Desk
from hemostat.desk.listing import Filters
from hemostat.incidents import IncidentRow, JournalRead
from hemostat.keys import SigningKey
from hemostat.vault import Vault
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError
from schemas.gate import Decision
from schemas.incident import IncidentView
from schemas.journal import Entry
from schemas.who import Who


class AdmittedDesk(TemporalDesk):
    """A desk that asks *desk* first who may see what, and has each restricted read recorded."""

    def __init__(
        self,
        desk: Desk,
        connect: Callable[[], Awaitable[Client]],
        vault: Vault,
        key: SigningKey | None = None,
    ) -> None:
        super().__init__(connect, vault, key)
        self._desk = desk

    async def page(self, who: Who, wanted: Wanted, cursor: str | None) -> ListPage:
        """Return one page of what *who* may see, open incidents first."""
        filters = Filters(
            open=wanted.open,
            severity=wanted.severity,
            containment=wanted.containment,
            waiting_for=wanted.waits_for,
            drill=wanted.drill,
        )
        found = await self._desk.list(who, filters, size=PAGE, cursor=cursor)
        return ListPage(found.incidents, found.next)

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where it stands."""
        await self._desk.admit(who, incident, "view", run)
        return await super().view(who, incident, run)

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return its journal."""
        await self._desk.admit(who, incident, "journal", run)
        return await super().journal(who, incident, run)

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its clocks."""
        await self._desk.admit(who, incident, "clocks", run)
        return await super().clocks(who, incident, run)

    async def waiting(self, who: Who) -> list[tuple[IncidentRow, IncidentView | HemostatError]]:
        """Return what waits for people, of what *who* may see."""
        found = await super().waiting(who)
        client = await self._desk.client()
        rows = [row for row, _ in found]
        seen = {row.run_id for row in await self._desk.access.visible(client, who, rows)}
        return [(row, answer) for row, answer in found if row.run_id in seen]

    async def decide(self, who: Who, incident: str, decision: Decision) -> None:
        """Sign it and send it, if *who* may see the incident."""
        await self._desk.row(who, incident)
        await super().decide(who, incident, decision)

    async def became_of(self, who: Who, incident: str, decision: Decision, start: int) -> Entry:
        """Look into the journal, if *who* may see it."""
        await self._desk.row(who, incident)
        return await super().became_of(who, incident, decision, start)
