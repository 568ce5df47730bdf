"""The list of incidents and the page of one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console import story, timeline
from hemostat.console.asked import Asked, asked
from hemostat.console.doors import Console
from hemostat.console.fields import Seen
from hemostat.console.forms import offered
from hemostat.console.pages import page
from hemostat.console.speaking import form_of
from hemostat.console.summaries import Summary
from hemostat.desk.listing import Filters
from hemostat.incidents import NoWorkerAnswers
from hemostat.incidents.incident_row import IncidentRow
from schemas.clocks.view import ClockRow, ClocksView
from schemas.errors import HemostatError
from schemas.gate import OnSilence
from schemas.incident import Containment, IncidentView, Phase
from schemas.journal import Entry, Kind
from schemas.severity import Severity
from schemas.who import Who

_ENTRIES: Final = 200
"""Journal entries on one page; earlier ones are a link away."""

_TOLD: Final = {
    Kind.ALERT: ("title",),
    Kind.DECISION: ("actor", "reason"),
    Kind.CLOCK: ("value", "actor", "reason"),
    Kind.REFUSED: ("refusal", "actor", "reason"),
}
_JOURNALS: Final = {
    "people": {Kind.GATE, Kind.DECISION, Kind.REFUSED, Kind.PAGE, Kind.CLOCK, Kind.CLOSED},
    "steps": {Kind.STEP, Kind.EFFECT, Kind.PROOF, Kind.UNDO, Kind.EVIDENCE, Kind.PHASE},
}
PHASES: Final = tuple(phase.value for phase in Phase if phase is not Phase.CLOSED)


@dataclass(frozen=True)
class Wait:
    """Something that waits: for these roles, at this gate, until then; as far as it is known."""

    roles: tuple[str, ...]
    gate: str | None = None
    deadline: datetime | None = None


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    row: IncidentRow
    title: str
    waiting: tuple[Wait, ...]
    clock: ClockRow | None
    clock_if: bool
    proven_after: timedelta | None
    unknown: bool

    def __getattr__(self, name: str) -> Any:
        """What the list itself knows."""
        return getattr(self.row, name)


@dataclass(frozen=True)
class Choice:
    """One link of a filter."""

    says: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class Filter:
    """A filter: choices of which one holds."""

    name: str
    choices: list[Choice]


_CONTAINMENT: Final = {Containment.NONE: "not contained", Containment.UNPROVEN: "not proven"}
_FILTERS: Final = (
    ("state", "State", (("", "open and closed"), ("open", "open"), ("closed", "closed"))),
    ("severity", "Severity", (("", "any severity"), *((s.value, s.value) for s in Severity))),
    (
        "containment",
        "Containment",
        (("", "any containment"), *((c.value, _CONTAINMENT.get(c, c.value)) for c in Containment)),
    ),
    ("kind", "Kind", (("", "real and exercises"), ("real", "real"), ("exercise", "exercises"))),
)


async def list_incidents(console: Console, request: Request, who: Who) -> Response:
    """Show the list, open incidents first."""
    asked_for = _asked_for(request)
    found = await console.desk.page(who, _wanted(asked_for), request.query_params.get("after"))
    known = await console.desk.summaries([row for row in found.incidents if row.open])
    return page(
        request,
        "incidents.html",
        who,
        rows=[_row(console, row, known.get(row.id)) for row in found.incidents],
        filters=_filters(asked_for),
        filtered=bool(asked_for),
        paged="after" in request.query_params,
        next=_href(asked_for, after=found.next) if found.next else None,
        problem=None,
        csrf=console.guard.token(request),
    )


def _asked_for(request: Request) -> dict[str, str]:
    """The choices that the address names, and no others."""
    given = {name: request.query_params.get(name, "") for name, _, _ in _FILTERS}
    known = {name: {value for value, _ in choices} for name, _, choices in _FILTERS}
    return {name: value for name, value in given.items() if value and value in known[name]}


def _wanted(asked_for: dict[str, str]) -> Filters:
    return Filters(
        open={"open": True, "closed": False}.get(asked_for.get("state", "")),
        severity=Severity(asked_for["severity"]) if "severity" in asked_for else None,
        containment=Containment(asked_for["containment"]) if "containment" in asked_for else None,
        drill={"real": False, "exercise": True}.get(asked_for.get("kind", "")),
    )


def _href(asked_for: dict[str, str], **more: str | None) -> str:
    kept = {name: value for name, value in {**asked_for, **more}.items() if value}
    return f"/incidents?{urlencode(kept)}" if kept else "/incidents"


def _filters(asked_for: dict[str, str]) -> list[Filter]:
    return [
        Filter(
            says,
            [
                Choice(word, _href(asked_for, **{name: value}), asked_for.get(name, "") == value)
                for value, word in choices
            ],
        )
        for name, says, choices in _FILTERS
    ]


def _row(console: Console, row: IncidentRow, known: Summary | None) -> Row:
    waiting: tuple[Wait, ...] = (Wait(row.waiting_for),) if row.waiting_for else ()
    clock, proven_after = None, None
    if known is not None:
        waiting = tuple(_waits(known.view)) or waiting
        clock = next_clock(known.clocks)
        proven_after = _after(known.view, "proven_at")
    return Row(
        row=row,
        title=console.title(row.playbook),
        waiting=waiting,
        clock=clock,
        clock_if=clock is not None and clock.state.value == "scope-not-declared",
        proven_after=proven_after if row.containment == "proven" else None,
        unknown=known is None,
    )


def _waits(view: IncidentView) -> list[Wait]:
    """What waits for people, the nearest deadline first."""
    waits = [
        Wait(gate.lacking, gate.policy.id, gate.deadline)
        for gate in view.gates
        if gate.policy.on_silence is not OnSilence.STAND
    ]
    return sorted(waits, key=lambda wait: (wait.deadline is None, wait.deadline or view.opened_at))


def next_clock(clocks: ClocksView) -> ClockRow | None:
    """Return the open clock that is due first."""
    due = [row for row in clocks.clocks if row.keeps_open and row.due]
    return min(due, key=lambda row: row.due or datetime.max.replace(tzinfo=UTC), default=None)


def _after(view: IncidentView, name: str) -> timedelta | None:
    """How long after the opening the last containing step was commanded, or proven; all of them."""
    steps = [step for step in view.steps if step.step_class.value == "contain"]
    times = [getattr(step, name) for step in steps]
    if not times or not all(times):
        return None
    first = min if name == "commanded_at" else max
    return first(datetime.fromisoformat(at) for at in times) - view.opened_at


# One incident


async def show_incident(console: Console, request: Request, who: Who) -> Response:
    """Show one incident with all that is known of it."""
    incident, run = request.path_params["incident"], request.query_params.get("run")
    view, read = await asyncio.gather(
        console.desk.view(who, incident, run), console.desk.journal(who, incident, run)
    )
    clocks, gaps = await _clocks(console, who, incident, run, list(read.gaps))
    now = datetime.now(UTC)
    told = story.tell(view, read.entries)
    zoom = request.query_params.get("time", "all")
    kept = {"run": run or "", "time": zoom if zoom != "all" else ""}
    which = kind if (kind := request.query_params.get("entries", "")) in _JOURNALS else ""
    entries, earlier = _part(read.entries, which, request.query_params.get("before"))

    def href(**changed: str) -> str:
        query = {k: v for k, v in {**kept, "entries": which, **changed}.items() if v}
        return f"?{urlencode(query)}" if query else f"/incidents/{view.id}"

    gates = [asked(gate, who.person, who.roles, now) for gate in view.gates]
    return page(
        request,
        "incident.html",
        who,
        now=now,
        view=view,
        title=console.title(view.playbook),
        is_open=view.resolution is None and told.ended is None,
        story=told,
        alerted=story.first_alert(read.entries),
        picture=timeline.draw(told, clocks, now, zoom),
        zoom_href=lambda name: href(time=name if name != "all" else "") + "#timeline",
        journal_href=lambda name: href(entries=name) + "#journal",
        journal_of=which,
        entries=[_Line(entry, told.began) for entry in entries],
        earlier=href(before=str(earlier)) + "#journal" if earlier else None,
        phases=PHASES,
        commanded_after=_after(view, "commanded_at"),
        proven_after=_after(view, "proven_at"),
        waits=_roles(view),
        next_clock=next_clock(clocks),
        clocks=clocks,
        clock_rows=sorted(clocks.clocks, key=lambda row: (not row.keeps_open, str(row.due or "~"))),
        gaps=gaps,
        asking=sorted((a for a in gates if not a.stands), key=_mine_and_soonest),
        offers=[a for a in gates if a.stands],
        says=offered(Seen(who, view, read.entries, told, clocks, console.break_glass)),
        became=None,
        papers=console.papers.offered(who, run) if console.papers else None,
        **form_of(console, request, who),
    )


async def _clocks(
    console: Console, who: Who, incident: str, run: str | None, gaps: list[str]
) -> tuple[ClocksView, list[str]]:
    """The clocks; a record of an older version has none, which takes nothing from the rest."""
    try:
        return await console.desk.clocks(who, incident, run), gaps
    except NoWorkerAnswers:
        raise
    except HemostatError as error:
        return ClocksView(), [*gaps, f"the legal clocks: {error.what}"]


def _mine_and_soonest(a: Asked) -> tuple[bool, bool, datetime]:
    return not a.mine, a.gate.deadline is None, a.gate.deadline or a.gate.opened_at


def _roles(view: IncidentView) -> list[str]:
    roles = [role for wait in _waits(view) for role in wait.roles]
    return list(dict.fromkeys(roles))


def _part(entries: Sequence[Entry], which: str, before: str | None) -> tuple[list[Entry], int]:
    """The newest entries of a kind before a number, and the number to go on from (0: no more)."""
    kinds = _JOURNALS.get(which)
    last = int(before) if before and before.isdecimal() and len(before) < 12 else None
    found = [
        entry
        for entry in entries
        if (kinds is None or entry.kind in kinds) and (last is None or entry.seq < last)
    ]
    part = found[-_ENTRIES:]
    return part, part[0].seq if len(found) > len(part) else 0


class _Line:
    """An entry of the journal with what a reader wants of it at once."""

    def __init__(self, entry: Entry, began: datetime) -> None:
        self.entry = entry
        self.after = story.when(entry) - began
        told = [str(entry.data[key]) for key in _TOLD.get(entry.kind, ()) if entry.data.get(key)]
        self.told = "; ".join(told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entry, name)
