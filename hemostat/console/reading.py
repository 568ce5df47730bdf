"""What pages read and say, through the desk; nothing here looks past who may see what.

A desk answers for one person: what they may not see is not there for them, lists included.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from hemostat.console.story import first_alert
from hemostat.console.summaries import Summaries, Summary
from hemostat.desk.answers import answer_to, how_the_gate_ended
from hemostat.desk.desk import Desk
from hemostat.desk.inbox import Inbox
from hemostat.desk.listing import Filters, Page
from hemostat.desk.said import Answer, Said, Taken
from hemostat.incidents import JournalRead
from hemostat.incidents.incident_row import IncidentRow
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError
from schemas.incident import IncidentView
from schemas.who import Who

PAGE: Final = 25

_BEGINNING: Final = 20
"""Entries of a journal among which its first alert is."""


class Reading(Protocol):
    """What a person can read and say on pages."""

    async def page(self, who: Who, wanted: Filters, cursor: str | None) -> Page:
        """Return one page of the list, open incidents first; ``BadInput`` for a foreign cursor."""

    async def visible(self, who: Who, rows: Sequence[IncidentRow]) -> list[IncidentRow]:
        """Return those of *rows* that *who* may see now."""

    async def summaries(self, rows: Sequence[IncidentRow]) -> dict[str, Summary]:
        """Return what workers say of these incidents, by id, as far as they answer in time.

        Whoever asks has seen that the reader may see them.
        """

    async def admit(self, who: Who, incident: str, what: str, run: str | None = None) -> None:
        """Return if *who* may read *what* of *incident*; else there is no such incident."""

    async def first_run(self, who: Who, incident: str, what: str, run: str | None) -> str | None:
        """As ``admit``; return the run since which it is this incident, None if that is not told."""

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where *incident* stands."""

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return the whole journal of *incident*."""

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its legal clocks."""

    async def alerted(self, who: Who, incident: str) -> str:
        """Return what its first alert is titled; nothing where that is not told."""

    async def inbox(self, who: Who, cursor: str | None) -> Inbox:
        """Return what is asked of *who*, the nearest deadline first."""

    async def say(self, who: Who, incident: str, said: Said, key: str) -> Answer:
        """Say *said* once, however often it arrives under *key*, and tell what became of it."""

    async def told(self, who: Who, incident: str, said: str) -> Answer | None:
        """Return what became of what *who* said under this id; None where the journal has it not."""


class AtTheDesk:
    """The desk, as pages use it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._summaries = Summaries()

    async def page(self, who: Who, wanted: Filters, cursor: str | None) -> Page:
        """Return one page of the list."""
        return await self._desk.list(who, wanted, size=PAGE, cursor=cursor)

    async def visible(self, who: Who, rows: Sequence[IncidentRow]) -> list[IncidentRow]:
        """Ask who may see what."""
        return await self._desk.access.visible(await self._desk.client(), who, rows)

    async def summaries(self, rows: Sequence[IncidentRow]) -> dict[str, Summary]:
        """Return what is known, or answered in time."""
        return await self._summaries.of(await self._desk.client(), rows)

    async def admit(self, who: Who, incident: str, what: str, run: str | None = None) -> None:
        """Look whether *who* may."""
        await self._desk.admit(who, incident, what, run)

    async def first_run(self, who: Who, incident: str, what: str, run: str | None) -> str | None:
        """Look whether *who* may, and since when it is this incident."""
        await self._desk.admit(who, incident, what, run)
        return (await self._desk.row(who, incident, run)).first_run or None

    async def view(self, who: Who, incident: str, run: str | None = None) -> IncidentView:
        """Return where it stands."""
        return await self._desk.view(who, incident, run)

    async def journal(self, who: Who, incident: str, run: str | None = None) -> JournalRead:
        """Return its journal."""
        return await self._desk.journal(who, incident, run)

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        """Return its clocks."""
        return await self._desk.clocks(who, incident, run)

    async def alerted(self, who: Who, incident: str) -> str:
        """Look at the beginning of its journal."""
        try:
            read = await self._desk.journal_part(who, incident, 0, _BEGINNING)
        except HemostatError:
            return ""
        return first_alert(read.entries)

    async def inbox(self, who: Who, cursor: str | None) -> Inbox:
        """Return what is asked of *who*."""
        return await self._desk.inbox(who, size=PAGE, cursor=cursor)

    async def say(self, who: Who, incident: str, said: Said, key: str) -> Answer:
        """Say it."""
        return await self._desk.say(who, incident, said, idempotency_key=key, channel="console")

    async def told(self, who: Who, incident: str, said: str) -> Answer | None:
        """Look for it, in the whole journal only where the current run has it not or it was late."""
        entries = await self._desk.heard(who, incident, said)
        if not entries or any(answer_to(said, one).taken is Taken.TOO_LATE for one in entries):
            entries = (await self._desk.journal(who, incident)).entries
        for entry in entries:
            known = said in (entry.data.get("decision"), entry.data.get("determination"))
            if known and entry.data.get("actor") == who.person:
                answer = answer_to(said, entry)
                if answer.taken is Taken.TOO_LATE:
                    ended = how_the_gate_ended(entries, str(entry.data.get("gate", "")))
                    return answer.model_copy(update=ended)
                return answer
        return None
