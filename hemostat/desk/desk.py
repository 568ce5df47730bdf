"""The desk: where a person reads incidents and speaks to them, whatever way they came.

Each read looks first at who may see the incident; where it is restricted the read is recorded
before anything is shown. Whoever may not see it gets the answer of an id that never was.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from temporalio.client import Client

from hemostat import incidents
from hemostat.desk.access import LISTED_WITHIN, Access
from hemostat.desk.answers import answer_to
from hemostat.desk.inbox import (
    Asked,
    ClockAsked,
    Inbox,
    asked,
    asked_of,
    legal_roles,
    roles_at,
    roles_looked_at,
    roles_that_ask,
    waiting_for,
)
from hemostat.desk.listing import Cursors, Filters, Page, one_page
from hemostat.desk.messages import KEYS_OF_WHAT_WAS_SAID
from hemostat.desk.reads import Reads
from hemostat.desk.said import Answer, Said
from hemostat.desk.saying import Voice
from hemostat.identity.kept import secret_bytes
from hemostat.incidents import JournalRead, NoSuchIncident
from hemostat.incidents.asking import Line, asked_for
from hemostat.incidents.incident_row import IncidentRow
from hemostat.incidents.journal_parts import journal_part
from hemostat.keys import SigningKey
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas import visibility
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError, NotHeld
from schemas.incident import IncidentView
from schemas.journal import Entry, Kind
from schemas.speakers import STEP_UP_WITHIN
from schemas.who import Who

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

_GUESSED: Final = re.compile(r"[a-z0-9-]+-[0-9a-f]{12}")
"""What an incident's id looks like; it can be worked out from what its alerts say."""

STROKE_SECONDS: Final = 0.2

_FURTHER: Final = 3
"""Pages that an inbox looks through for the first thing that is this person's."""

Connect = Callable[[], Awaitable[Client]]
"""Returns the client, connected when first needed."""


class Desk:
    """What people read and say; it holds no state but what it may forget."""

    def __init__(
        self, settings: Settings, connect: Connect, vault: Vault, key: SigningKey | None = None
    ) -> None:
        self.settings = settings
        self.reads = Reads(settings.state_folder)
        self._connect = connect
        self._vault = vault
        self.access = Access(settings)
        table = settings.identity
        within = table.step_up_within if table else STEP_UP_WITHIN
        self._voice = Voice(connect, key, within)

    async def client(self) -> Client:
        """Return Temporal's client."""
        return await self._connect()

    @staticmethod
    def now() -> datetime:
        """Return the time by which what is left of a gate's timer is told."""
        return datetime.now(UTC)

    @cached_property
    def _cursors(self) -> Cursors:
        return Cursors(secret_bytes(self.settings.state_folder / "identity" / "cookie-key"))

    # Reading

    async def list(
        self, who: Who, filters: Filters | None = None, *, size: int = 50, cursor: str | None = None
    ) -> Page:
        """Return one page of incidents, open and newest first.

        Comes from Temporal alone; only restricted incidents need a worker to be shown.
        """
        query = (filters or Filters()).query()
        client = await self._connect()
        found = await one_page(
            client, self.access, self._cursors, who, query, size=size, cursor=cursor
        )
        await self._note(who, found.incidents, "list")
        return found

    async def count(self, who: Who, filters: Filters | None = None) -> int:
        """Return how many incidents *who* may see; what they may not is not counted."""
        query, client = (filters or Filters()).query(), await self._connect()
        joined = f"{query} AND " if query else ""
        mark, named = visibility.RESTRICTED.name, visibility.SERVICE.name
        hidden = "".join(f" AND {named} != '{name}'" for name in self._restricted_services())
        open_to_all = f"{mark} = false{hidden}"
        for_all = await incidents.count(client, f"{joined}{open_to_all}")
        marked, token = 0, None
        others = "".join(f" OR {named} = '{name}'" for name in self._restricted_services())
        while True:
            asked_one_by_one = f"{joined}({mark} = true OR {mark} IS NULL{others})"
            rows, token = await incidents.page(client, asked_one_by_one, 500, token)
            marked += len(await self.access.visible(client, who, rows))
            if not token:
                return for_all + marked

    async def row(self, who: Who, incident: str, run_id: str | None = None) -> IncidentRow:
        """Return *incident* as the list has it; raises ``NoSuchIncident``, also where it is hidden.

        Nothing is recorded by this: it is the look at who may see it.
        """
        if not _ID.fullmatch(incident) or (run_id is not None and not _ID.fullmatch(run_id)):
            raise _no_such()
        began = asyncio.get_running_loop().time()
        found = await self._there(incident, run_id)
        if found is not None and await self.access.may_see(await self._connect(), who, found):
            return found
        if _GUESSED.fullmatch(incident):
            await _until_the_next_stroke(began)
        raise _no_such()

    async def _there(self, incident: str, run_id: str | None) -> IncidentRow | None:
        try:
            return await incidents.row(await self._connect(), incident, run_id)
        except NoSuchIncident:
            return None

    async def admit(self, who: Who, incident: str, what: str, run_id: str | None = None) -> None:
        """Return if *who* may read *what* of *incident* now, with the read recorded."""
        await self._note(who, [await self.row(who, incident, run_id)], what)

    async def view(self, who: Who, incident: str, run_id: str | None = None) -> IncidentView:
        """Return where *incident* stands."""
        await self.admit(who, incident, "view", run_id)
        return await incidents.view(await self._connect(), incident, run_id)

    async def journal(self, who: Who, incident: str, run_id: str | None = None) -> JournalRead:
        """Return the whole journal, earlier parts from the vault."""
        await self.admit(who, incident, "journal", run_id)
        return await incidents.journal(await self._connect(), incident, self._vault, run_id)

    async def journal_part(
        self, who: Who, incident: str, start: int, most: int, run_id: str | None = None
    ) -> JournalRead:
        """Return at most *most* entries from number *start* on, and read no more than that takes."""
        await self.admit(who, incident, "journal", run_id)
        client = await self._connect()
        return await journal_part(client, incident, self._vault, start, most, run_id)

    async def clocks(self, who: Who, incident: str, run_id: str | None = None) -> ClocksView:
        """Return the legal clocks of *incident*."""
        await self.admit(who, incident, "clocks", run_id)
        return await incidents.legal_clocks(await self._connect(), incident, run_id)

    async def gate(self, who: Who, incident: str, gate: str) -> Asked:
        """Return one open gate with its consequences; raises ``NotHeld`` if it is not open."""
        seen = await self.view(who, incident)
        for open_gate in seen.gates:
            if open_gate.policy.id == gate:
                return asked(seen, open_gate, roles_at(open_gate, who), datetime.now(UTC))
        raise NotHeld(
            "this gate is not open",
            where=incident,
            next_step="the journal tells how it ended; the incident's view has the open ones.",
        )

    async def inbox(self, who: Who, *, size: int = 50, cursor: str | None = None) -> Inbox:
        """Return what is asked of *who*: gates they may decide now, and clocks waiting for them."""
        if who.kind != "person" or not roles_looked_at(self.settings, who):
            return Inbox(at=self.now(), gates=(), clocks=())
        found = await self._one_inbox(who, size, cursor)
        for _ in range(_FURTHER):
            if found.gates or found.clocks or found.unanswered or not found.next:
                break
            found = await self._one_inbox(who, size, found.next)
        return found

    async def _one_inbox(self, who: Who, size: int, cursor: str | None) -> Inbox:
        now, client, own = self.now(), await self._connect(), roles_that_ask(self.settings, who)
        query = waiting_for(roles_looked_at(self.settings, who))
        found = await one_page(
            client, self.access, self._cursors, who, query, size=size, cursor=cursor
        )
        seen = await incidents.views(client, [row.id for row in found.incidents], LISTED_WITHIN)
        gates: list[Asked] = []
        clocks: list[ClockAsked] = []
        silent: list[str] = []
        for row, answer in zip(found.incidents, seen, strict=True):
            if isinstance(answer, HemostatError):
                silent += [row.id] if set(own) & set(row.waiting_for) else []
                continue
            gates += asked_of(who, answer, now)
            if legal_roles(who) and "counsel" in row.waiting_for:
                clocks += await self._open_clocks(client, row.id)
        shown = {gate.incident for gate in gates} | {clock.incident for clock in clocks}
        await self._note(who, [row for row in found.incidents if row.id in shown], "inbox")
        gates.sort(key=lambda entry: (entry.gate.deadline is None, entry.gate.deadline or now))
        return Inbox(at=now, gates=gates, clocks=clocks, unanswered=silent, next=found.next)

    # Speaking

    async def say(
        self,
        who: Who,
        incident: str,
        said: Said,
        *,
        idempotency_key: str | None = None,
        channel: str = "api",
    ) -> Answer:
        """Say *said* to *incident* as *who*, and tell what became of it.

        Said again under the same key it counts once and is answered as the first time. Raises
        ``MayNotSpeak`` for whoever is no person and ``NoSuchIncident`` for who may not see it.
        """
        with asked_for(Line.DECISIONS):
            row = await self.row(who, incident)
            return await self._voice.say(
                who, row, said, idempotency_key=idempotency_key, channel=channel
            )

    async def heard(self, who: Who, incident: str, said: str) -> Sequence[Entry]:
        """Return what the incident's current run has in its journal about what was said as *said*."""
        await self.admit(who, incident, "journal")
        found = await incidents.became(await self._connect(), incident, said)
        return [
            one for one in found if said in (one.data.get(key) for key in KEYS_OF_WHAT_WAS_SAID)
        ]

    async def became(self, who: Who, incident: str, said: str) -> Answer:
        """Return what became of what was said as *said*; raises ``NotHeld`` while nothing did."""
        found = await self.heard(who, incident, said)
        counted = [entry for entry in found if entry.kind is not Kind.REFUSED]
        for entry in (*counted, *reversed(found)):
            return answer_to(said, entry)
        raise NotHeld(
            "the incident has taken up nothing of this id so far",
            where=incident,
            next_step="if it was handed over just now, ask again in some seconds.",
        )

    # Restricted

    async def _note(self, who: Who, rows: Sequence[IncidentRow], what: str) -> None:
        await self.reads.note(who, [row.id for row in rows if self._is_restricted(row)], what)

    def _restricted_services(self) -> Sequence[str]:
        return [name for name, table in self.settings.services.items() if table.restricted]

    def _is_restricted(self, row: IncidentRow) -> bool:
        table = self.settings.services.get(row.service)
        return bool(row.restricted) or bool(table and table.restricted)

    async def _open_clocks(self, client: Client, incident: str) -> Sequence[ClockAsked]:
        try:
            seen = await asyncio.wait_for(incidents.legal_clocks(client, incident), 10)
        except (HemostatError, TimeoutError):
            return []
        return [
            ClockAsked(incident=incident, clock=clock) for clock in seen.clocks if clock.keeps_open
        ]


async def _until_the_next_stroke(began: float) -> None:
    """Wait until a whole number of strokes has passed.

    What is hidden is asked of a worker and what never was is not: without this the time of the
    answer would tell them apart, to somebody who guesses the id of an incident about them.
    """
    passed = asyncio.get_running_loop().time() - began
    await asyncio.sleep(STROKE_SECONDS - passed % STROKE_SECONDS)


def _no_such() -> NoSuchIncident:
    return NoSuchIncident(
        "there is no such incident",
        where="incident",
        next_step="the list has those that you may see.",
    )
