"""What pages read and say, through the desk; nothing here looks past who may see what.

A desk answers for one person: what they may not see is not there for them, lists included.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from hemostat import incidents
from hemostat.desk.answers import answer_to, how_the_gate_ended
from hemostat.desk.desk import Desk
from hemostat.desk.inbox import Inbox
from hemostat.desk.listing import Filters, Page
from hemostat.desk.said import Answer, Decide, Taken
from hemostat.incidents import JournalRead
from schemas.base import Frozen
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError
from schemas.incident import IncidentView
from schemas.who import Who

PAGE: Final = 25
_SUMMARY_WITHIN: Final = 2.0
_AT_ONCE: Final = 8


class Summary(Frozen):
    """What only a worker knows of an open incident: where it stands, and its clocks."""

    view: IncidentView
    clocks: ClocksView


class Reading(Protocol):
    """What a person can read and say on pages."""

    async def page(self, who: Who, wanted: Filters, cursor: str | None) -> Page:
        """Return one page of the list, open incidents first; ``BadInput`` for a foreign cursor."""

    async def summaries(self, who: Who, ids: Sequence[str]) -> dict[str, Summary]:
        """Return what workers say of these incidents of a page, as far as they answer in time."""

    async def admit(self, who: Who, incident: str, what: str) -> None:
        """Return if *who* may read *what* of *incident*; else there is no such incident."""

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where *incident* stands."""

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return the whole journal of *incident*."""

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its legal clocks."""

    async def inbox(self, who: Who, cursor: str | None) -> Inbox:
        """Return what is asked of *who*, the nearest deadline first."""

    async def say(self, who: Who, incident: str, said: Decide, key: str) -> Answer:
        """Say *said* once, however often it arrives under *key*, and tell what became of it."""

    async def told(self, who: Who, incident: str, said: str) -> Answer | None:
        """Return what became of what *who* said under this id; None where the journal has it not."""


class AtTheDesk:
    """The desk, as pages use it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, who: Who, wanted: Filters, cursor: str | None) -> Page:
        """Return one page of the list."""
        return await self._desk.list(who, wanted, size=PAGE, cursor=cursor)

    async def summaries(self, who: Who, ids: Sequence[str]) -> dict[str, Summary]:
        """Return what is answered in time; the list showed that *who* may see them."""
        client = await self._desk.client()
        found: dict[str, Summary] = {}
        at_once = asyncio.Semaphore(_AT_ONCE)

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

    async def admit(self, who: Who, incident: str, what: str) -> None:
        """Look whether *who* may."""
        await self._desk.admit(who, incident, what)

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where it stands."""
        return await self._desk.view(who, incident, run)

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return its journal."""
        return await self._desk.journal(who, incident, run)

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its clocks."""
        return await self._desk.clocks(who, incident, run)

    async def inbox(self, who: Who, cursor: str | None) -> Inbox:
        """Return what is asked of *who*."""
        return await self._desk.inbox(who, size=PAGE, cursor=cursor)

    async def say(self, who: Who, incident: str, said: Decide, key: str) -> Answer:
        """Say it."""
        return await self._desk.say(who, incident, said, idempotency_key=key, channel="console")

    async def told(self, who: Who, incident: str, said: str) -> Answer | None:
        """Look into the journal."""
        entries = (await self._desk.journal(who, incident)).entries
        for entry in entries:
            if entry.data.get("decision") == said and entry.data.get("actor") == who.person:
                answer = answer_to(said, entry)
                if answer.taken is Taken.TOO_LATE:
                    ended = how_the_gate_ended(entries, str(entry.data.get("gate", "")))
                    return answer.model_copy(update=ended)
                return answer
        return None
