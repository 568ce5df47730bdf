"""What pages read and say, straight from Temporal: lists by cursor, incidents by query.

A desk answers for one person: what they may not see is not there for them, lists included.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from temporalio.client import Client

from hemostat import incidents, speaking
from hemostat.incidents import IncidentRow, JournalRead
from hemostat.keys import SigningKey
from hemostat.vault import Vault
from schemas import visibility
from schemas.base import Frozen
from schemas.clocks.view import ClocksView
from schemas.errors import BadInput, HemostatError
from schemas.gate import Decision
from schemas.incident import Containment, IncidentView
from schemas.journal import Entry
from schemas.severity import Severity
from schemas.who import Who

PAGE: Final = 25
_OPEN: Final = "ExecutionStatus = 'Running'"
_OVER: Final = "ExecutionStatus NOT IN ('Running', 'ContinuedAsNew')"
_SUMMARY_WITHIN: Final = 2.0


@dataclass(frozen=True)
class Wanted:
    """Which incidents: each a choice of a filter, all of them together."""

    open: bool | None = None
    severity: Severity | None = None
    containment: Containment | None = None
    waits_for: str | None = None
    drill: bool | None = None

    def query(self) -> str:
        """Return Temporal's list filter; every value is one of our own words."""
        said = [f"{visibility.PLAYBOOK.name} IS NOT NULL"]
        if self.severity:
            said.append(f"{visibility.SEVERITY.name} = '{self.severity.value}'")
        if self.containment:
            said.append(f"{visibility.CONTAINMENT.name} = '{self.containment.value}'")
        if self.waits_for:
            said.append(f"{visibility.WAITING_FOR.name} = '{self.waits_for}'")
        if self.drill is not None:
            said.append(f"{visibility.DRILL.name} = {str(self.drill).lower()}")
        return " AND ".join(said)


class Summary(Frozen):
    """What only a worker knows of an open incident: where it stands, and its clocks."""

    view: IncidentView
    clocks: ClocksView


@dataclass(frozen=True)
class ListPage:
    """One page of the list, and the cursor of the next."""

    rows: Sequence[IncidentRow]
    next: str | None


class Desk(Protocol):
    """What a person can read and say."""

    async def page(self, who: Who, wanted: Wanted, cursor: str | None) -> ListPage:
        """Return one page of the list, open incidents first; ``BadInput`` for a foreign cursor."""

    async def summaries(self, who: Who, ids: Sequence[str]) -> dict[str, Summary]:
        """Return what workers say of these open incidents, as far as they answer in time."""

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where *incident* stands."""

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return the whole journal of *incident*."""

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its legal clocks."""

    async def waiting(self, who: Who) -> list[tuple[IncidentRow, IncidentView | HemostatError]]:
        """Return the open incidents in which something waits for people, oldest first."""

    async def decide(self, who: Who, incident: str, decision: Decision) -> None:
        """Hand *decision* over; what became of it stands in the journal."""

    async def became_of(self, who: Who, incident: str, decision: Decision, start: int) -> Entry:
        """Return the journal entry that tells what became of *decision*."""


class TemporalDesk:
    """A desk at which everybody sees everything."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        vault: Vault,
        key: SigningKey | None = None,
    ) -> None:
        self._connect, self._vault, self._key = connect, vault, key

    async def page(self, who: Who, wanted: Wanted, cursor: str | None) -> ListPage:
        """Return one page, first of what is open, then of what is over."""
        client = await self._connect()
        states = [_OPEN, _OVER] if wanted.open is None else [_OPEN if wanted.open else _OVER]
        number, token = _read(cursor)
        rows: list[IncidentRow] = []
        for at in range(number, len(states)):
            query = f"{wanted.query()} AND {states[at]}"
            found, token = await incidents.list_page(client, query, PAGE - len(rows), token)
            rows += found
            if token:
                return ListPage(rows, _write(at, token))
            if len(rows) >= PAGE:
                return ListPage(rows, _write(at + 1, None) if at + 1 < len(states) else None)
        return ListPage(rows, None)

    async def summaries(self, who: Who, ids: Sequence[str]) -> dict[str, Summary]:
        """Return what is answered in time."""
        client = await self._connect()
        found: dict[str, Summary] = {}
        at_once = asyncio.Semaphore(8)

        async def one(incident: str) -> None:
            async with at_once:
                with suppress(HemostatError):
                    seen, clocks = await asyncio.gather(
                        incidents.view(client, incident), incidents.legal_clocks(client, incident)
                    )
                    found[incident] = Summary(view=seen, clocks=clocks)

        with suppress(TimeoutError):
            async with asyncio.timeout(_SUMMARY_WITHIN):
                await asyncio.gather(*(one(incident) for incident in ids))
        return found

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where it stands."""
        return await incidents.view(await self._connect(), incident, run)

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return its journal."""
        return await incidents.journal(await self._connect(), incident, self._vault, run)

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its clocks."""
        return await incidents.legal_clocks(await self._connect(), incident, run)

    async def waiting(self, who: Who) -> list[tuple[IncidentRow, IncidentView | HemostatError]]:
        """Return what waits for people."""
        client = await self._connect()
        rows = await incidents.waiting_incidents(client)
        found = await incidents.views(client, [row.id for row in rows])
        return list(zip(rows, found, strict=True))

    async def decide(self, who: Who, incident: str, decision: Decision) -> None:
        """Sign it for *who*, where there is a key, and send it."""
        client = await self._connect()
        await speaking.speak(client, who, incident, decision, self._key, channel="console")

    async def became_of(self, who: Who, incident: str, decision: Decision, start: int) -> Entry:
        """Look into the journal."""
        return await speaking.became_of(await self._connect(), incident, decision, start)


def _write(state: int, token: bytes | None) -> str:
    kept = base64.b64encode(token).decode() if token else None
    return base64.urlsafe_b64encode(json.dumps([state, kept]).encode()).decode()


def _read(cursor: str | None) -> tuple[int, bytes | None]:
    if not cursor:
        return 0, None
    try:
        state, kept = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        token = base64.b64decode(kept) if kept is not None else None
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadInput("this is no place in the list", next_step="begin anew.") from error
    if state not in (0, 1):
        raise BadInput("this is no place in the list", next_step="begin anew.")
    return state, token
