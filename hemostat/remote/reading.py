"""What a person reads at a gateway, in the shapes in which Temporal itself would give it."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Final
from urllib.parse import quote

from hemostat.api.reading import JournalPart, Me
from hemostat.desk.inbox import Asked, Inbox
from hemostat.desk.listing import LARGEST, Page
from hemostat.incidents import JournalRead
from hemostat.incidents.incident_row import IncidentRow
from hemostat.incidents.live import Standing
from hemostat.remote.server import Server
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError, SystemUnreachable
from schemas.incident import IncidentView, Phase
from schemas.journal import Entry
from schemas.who import Who

LOOK_AGAIN_AFTER: Final = 1.0
"""Seconds until somebody is asked again whose live events have ended; the gateway counts requests."""

_PART: Final = 2000


def place(incident: str, *parts: str) -> str:
    """Return the path of *incident*, or of something of it."""
    return "/".join(("/incidents", *(quote(part, safe="") for part in (incident, *parts))))


def me(server: Server) -> Who:
    """Return who we are there."""
    return Who.model_validate(server.get("/me", Me).model_dump())


def rows(server: Server, limit: int, **filters: object) -> list[IncidentRow]:
    """Return the newest incidents that we may see, open ones first."""
    found: list[IncidentRow] = []
    cursor: str | None = None
    while len(found) < limit:
        size = min(limit - len(found), LARGEST)
        page = server.get("/incidents", Page, limit=size, cursor=cursor, **filters)
        found += page.incidents
        cursor = page.next
        if cursor is None:
            break
    return found


def waiting(server: Server, role: str | None) -> list[IncidentRow]:
    """Return the open incidents that wait for people, or for *role*, oldest first."""
    found = rows(server, limit=10_000, open="true", waiting_for=role)
    return sorted((row for row in found if row.waiting_for), key=lambda row: row.opened_at)


def asked_of_me(server: Server) -> set[str]:
    """Return the incidents in which something is asked of us, or may be: nobody answers for it."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        inbox = server.get("/inbox", Inbox, limit=LARGEST, cursor=cursor)
        found |= {gate.incident for gate in inbox.gates}
        found |= {clock.incident for clock in inbox.clocks}
        found |= set(inbox.unanswered)
        cursor = inbox.next
        if cursor is None:
            return found


def view(server: Server, incident: str, run_id: str | None = None) -> IncidentView:
    """Return where *incident* stands."""
    return server.get(place(incident), IncidentView, run=run_id)


def view_or_why_not(server: Server, incident: str) -> IncidentView | HemostatError:
    """Return where *incident* stands, or why that could not be had."""
    try:
        return view(server, incident)
    except HemostatError as error:
        return error


def gate(server: Server, incident: str, name: str) -> Asked:
    """Return an open gate as it is put before us; raises ``NotHeld`` if it is not open."""
    return server.get(place(incident, "gates", name), Asked)


def clocks(server: Server, incident: str, run_id: str | None = None) -> ClocksView:
    """Return the legal clocks of *incident*."""
    return server.get(place(incident, "clocks"), ClocksView, run=run_id)


def journal(
    server: Server, incident: str, run_id: str | None = None, start: int = 0
) -> JournalRead:
    """Return the journal from *start* on."""
    entries: list[Entry] = []
    gaps: list[str] = []
    following: int | None = start
    while following is not None:
        part = server.get(
            place(incident, "journal"), JournalPart, run=run_id, start=following, limit=_PART
        )
        entries += part.entries
        gaps += [gap for gap in part.gaps if gap not in gaps]
        following = part.next
    return JournalRead(entries, gaps)


def follow(
    server: Server,
    incident: str,
    waits: Callable[[SystemUnreachable], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Entry | str]:
    """Yield the journal, then each entry as it comes, until *incident* is closed.

    It comes by the gateway's live events; what they leave out is read. A string is a gap. *waits*
    is told when nobody answers any more; only the first look raises.
    """
    seen, read = view(server, incident), journal(server, incident)
    told: set[str] = set()
    following, silent = 0, False
    while True:
        yield from (gap for gap in read.gaps if gap not in told)
        told |= set(read.gaps)
        yield from read.entries
        following = read.entries[-1].seq + 1 if read.entries else following
        if seen.phase is Phase.CLOSED and following >= seen.journal_length:
            return
        read = JournalRead([], [])
        try:
            for entry in _live(server, incident, following):
                yield entry
                following, silent = entry.seq + 1, False
            seen = view(server, incident)
            if seen.journal_length > following:
                read = journal(server, incident, start=following)
            silent = False
        except SystemUnreachable as error:
            if not silent:
                waits(error)
            silent = True
        if seen.phase is not Phase.CLOSED:
            sleep(LOOK_AGAIN_AFTER)


def _live(server: Server, incident: str, following: int) -> Generator[Entry]:
    """Yield the entries from number *following* on as they are told, with none left out.

    Ends where one is missing, the incident is closed, or the gateway tells no more: then it is to
    be looked at. The gateway ends the stream of whoever may not see the incident any more.
    """
    last = following - 1 if following else None
    with closing(server.events(place(incident, "events"), last)) as events:
        for name, content in events:
            if name == "journal":
                entry = Entry.model_validate_json(content)
                if entry.seq > following:
                    return
                if entry.seq == following:
                    following += 1
                    yield entry
            elif name == "incident":
                stands = Standing.model_validate_json(content)
                if stands.phase is Phase.CLOSED or stands.journal_length > following:
                    return
            else:
                return
