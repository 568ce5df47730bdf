"""Every operation of the API, a line each; routes and reference are made from them."""

from collections.abc import Awaitable, Callable
from typing import Final

from hemostat.api import events, reading
from hemostat.api.call import Call, InPages, NoQuery, OfJournal, OfRun, Operation
from hemostat.api.problems import Rejected
from hemostat.desk import said as words
from hemostat.desk.inbox import Asked, Inbox
from hemostat.desk.listing import Page
from hemostat.desk.said import Answer
from schemas.base import Frozen
from schemas.clocks.view import ClocksView
from schemas.incident import IncidentView

_INCIDENT: Final = "/incidents/{incident}"


async def say(call: Call) -> Answer:
    """Say the body to the incident, once under its key."""
    if call.who.kind != "person":
        raise Rejected(403, f"a caller of kind {call.who.kind} reads and decides nothing")
    said: words.Said = call.body  # type: ignore[assignment] # validated as the operation's own body
    place = f"{call.request.method} {call.request.url.path}\n".encode()

    async def now() -> Answer:
        return await call.desk.say(call.who, call.incident, said, idempotency_key=call.key)

    return await call.api.repeats.once(call.who, call.key, place + call.raw, now)


def _read(
    id_: str,
    path: str,
    summary: str,
    handle: Callable[[Call], Awaitable[object]],
    answer: type[Frozen] | None,
    query: type[Frozen] = NoQuery,
) -> Operation:
    listed = issubclass(query, InPages)
    problems = (404, 422, 503) if "{" in path or listed else (422, 503)
    return Operation(id_, "GET", path, summary, handle, answer, query=query, problems=problems)


def _say(id_: str, path: str, summary: str, body: type[Frozen]) -> Operation:
    problems = (400, 403, 404, 409, 413, 415, 422, 503)
    where = f"{_INCIDENT}{path}"
    return Operation(id_, "POST", where, summary, say, Answer, body=body, problems=problems)


OPERATIONS: Final[tuple[Operation, ...]] = (
    _read("me", "/me", "Who the caller is", reading.show_me, reading.Me),
    _read(
        "incidents",
        "/incidents",
        "Incidents, open and newest first",
        reading.list_incidents,
        Page,
        reading.ListQuery,
    ),
    _read(
        "incident",
        _INCIDENT,
        "Where an incident stands",
        reading.show_incident,
        IncidentView,
        OfRun,
    ),
    _read(
        "steps",
        f"{_INCIDENT}/steps",
        "Its steps, with their proofs",
        reading.show_steps,
        reading.Steps,
        OfRun,
    ),
    _read("gates", f"{_INCIDENT}/gates", "Its open gates", reading.show_gates, reading.Gates),
    _read(
        "gate",
        f"{_INCIDENT}/gates/{{gate}}",
        "One open gate: what exactly is asked, and what each answer does",
        reading.show_gate,
        Asked,
    ),
    _read(
        "journal",
        f"{_INCIDENT}/journal",
        "Its journal, entry by entry",
        reading.show_journal,
        reading.JournalPart,
        OfJournal,
    ),
    _read(
        "clocks", f"{_INCIDENT}/clocks", "Its legal clocks", reading.show_clocks, ClocksView, OfRun
    ),
    _read(
        "incident-events",
        f"{_INCIDENT}/events",
        "What happens to it, live (server-sent events `incident` and `journal`)",
        events.incident_events,
        None,
    ),
    _read(
        "became",
        f"{_INCIDENT}/said/{{said}}",
        "What became of what was said under this id; 404 until the incident has taken it up",
        reading.show_became,
        reading.Became,
    ),
    _say("decide", "/decisions", "Approve or reject at a gate", words.Decide),
    _say("withdraw", "/withdrawals", "Take back an own approval", words.Withdraw),
    _say("break-glass", "/break-glass", "Break the glass at a gate", words.BreakGlass),
    _say("attest", "/attestations", "Attest that a step was done outside", words.Attest),
    _say("grade", "/gradings", "Say what became known, or set the severity", words.Grade),
    _say("suspect", "/suspicions", "Exclude a person from the incident", words.Suspect),
    _say("draft", "/drafts", "Write a new text for a gate that sends one", words.Redraft),
    _say("determine", "/determinations", "Determine a legal clock", words.Determine),
    _read("inbox", "/inbox", "What is asked of the caller", reading.show_inbox, Inbox, InPages),
    _read(
        "events",
        "/events",
        "What changes in the list, live (server-sent events `row`, `gone`, `again`)",
        events.list_events,
        None,
    ),
    _read("playbooks", "/playbooks", "The playbooks", reading.show_playbooks, reading.Books),
    _read(
        "readiness",
        "/readiness",
        "What would keep it from working",
        reading.show_readiness,
        reading.Readiness,
    ),
)
