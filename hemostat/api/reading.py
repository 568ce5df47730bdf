"""What the API reads, an operation a function."""

from typing import Literal

from hemostat.api.call import Call, InPages, OfJournal
from hemostat.console.book import Book
from hemostat.desk.inbox import Asked, Inbox, asked, roles_at
from hemostat.desk.listing import Filters, Page
from hemostat.desk.said import Answer
from schemas.base import Frozen, Utc
from schemas.clocks.view import ClocksView
from schemas.incident import IncidentView
from schemas.journal import Entry
from schemas.step import StepView
from schemas.who import Who


class ListQuery(Filters, InPages):
    """The filters of the list, and its pages."""


class Steps(Frozen):
    """The steps of an incident so far."""

    incident: str
    steps: tuple[StepView, ...]


class Gates(Frozen):
    """The open gates of an incident, each with the roles in which the caller may decide it."""

    incident: str
    gates: tuple[Asked, ...]


class JournalPart(Frozen):
    """Part of a journal; ``next`` is the number to go on from, None at the end."""

    incident: str
    entries: tuple[Entry, ...]
    next: int | None
    gaps: tuple[str, ...] = ()
    """What could not be read of this part, and why."""


class Became(Frozen):
    """What became of something that was said to an incident."""

    incident: str
    answer: Answer


class Books(Frozen):
    """The playbooks there are, from their code."""

    playbooks: tuple[Book, ...]


class Finding(Frozen):
    """One thing that keeps something from working."""

    what: str
    where: str
    next: str


class Readiness(Frozen):
    """What ``hemostat check`` finds now."""

    ok: bool
    problems: tuple[Finding, ...]
    fine: tuple[str, ...]


class Me(Frozen):
    """Who the caller is here."""

    person: str
    subject: str
    roles: tuple[str, ...]
    method: str
    authenticated_at: Utc
    stepped_up_at: Utc | None
    kind: Literal["person", "service", "auditor"]


async def list_incidents(call: Call) -> Page:
    """Return one page of the list."""
    asked_for = call.query.model_dump(exclude_none=True)
    size, cursor = asked_for.pop("limit"), asked_for.pop("cursor", None)
    return await call.desk.list(
        call.who, Filters.model_validate(asked_for), size=size, cursor=cursor
    )


async def show_incident(call: Call) -> IncidentView:
    """Return where one incident stands."""
    return await call.desk.view(call.who, call.incident, call.run)


async def show_steps(call: Call) -> Steps:
    """Return its steps."""
    seen = await call.desk.view(call.who, call.incident, call.run)
    return Steps(incident=seen.id, steps=seen.steps)


async def show_gates(call: Call) -> Gates:
    """Return its open gates."""
    seen, now = await call.desk.view(call.who, call.incident), call.desk.now()
    gates = (asked(seen, gate, roles_at(gate, call.who), now) for gate in seen.gates)
    return Gates(incident=seen.id, gates=tuple(gates))


async def show_gate(call: Call) -> Asked:
    """Return one open gate."""
    return await call.desk.gate(call.who, call.incident, call.path["gate"])


async def show_journal(call: Call) -> JournalPart:
    """Return a part of the journal."""
    wanted = OfJournal.model_validate(call.query.model_dump())
    read = await call.desk.journal_part(
        call.who, call.incident, wanted.start, wanted.limit + 1, call.run
    )
    part = read.entries[: wanted.limit]
    following = part[-1].seq + 1 if len(read.entries) > len(part) else None
    return JournalPart(
        incident=call.incident, entries=tuple(part), next=following, gaps=tuple(read.gaps)
    )


async def show_became(call: Call) -> Became:
    """Return what became of what was said under an id."""
    answer = await call.desk.became(call.who, call.incident, call.path["said"])
    return Became(incident=call.incident, answer=answer)


async def show_clocks(call: Call) -> ClocksView:
    """Return the legal clocks."""
    return await call.desk.clocks(call.who, call.incident, call.run)


async def show_inbox(call: Call) -> Inbox:
    """Return what is asked of the caller."""
    pages = InPages.model_validate(call.query.model_dump())
    return await call.desk.inbox(call.who, size=pages.limit, cursor=pages.cursor)


async def show_playbooks(call: Call) -> Books:
    """Return the playbooks."""
    return Books(playbooks=call.api.books)


async def show_readiness(call: Call) -> Readiness:
    """Check, and return what was found."""
    problems, fine = await call.api.findings()
    found = tuple(Finding(what=p.what, where=p.where, next=p.next_step) for p in problems)
    return Readiness(ok=not found, problems=found, fine=tuple(fine))


async def show_me(call: Call) -> Me:
    """Return who the caller is."""
    who: Who = call.who
    return Me.model_validate(who.model_dump())
