"""Gates: the inbox of a person, the page of one question, and a decision taken from a form.

A decision is bound to what the form showed: nonce and digest travel in it, and the incident
refuses what no longer matches. The form has a key of its own, so that sending it twice counts once.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console.asked import Asked, asked
from hemostat.console.doors import Console, seen_other
from hemostat.console.pages import page
from hemostat.console.speaking import Became, became, form_of, handed_over
from hemostat.desk.inbox import Asked as InboxEntry
from hemostat.desk.said import Decide, Taken
from hemostat.forms import form_of as fields_of
from schemas.errors import BadInput
from schemas.gate import Choice
from schemas.who import Who

_DECISION_ID: Final = re.compile(r"[0-9a-f-]{36}")
_GONE: Final = "It was settled, or what it asked about no longer stands. The incident tells how."


@dataclass(frozen=True)
class Item:
    """A question in the inbox, and the incident that asks it."""

    incident: InboxEntry
    asked: Asked
    title: str


async def inbox(console: Console, request: Request, who: Who) -> Response:
    """Show what waits for this person, the nearest deadline first."""
    now = datetime.now(UTC)
    found = await console.desk.inbox(who, request.query_params.get("after"))
    items = [
        Item(entry, asked(entry.gate, who.person, who.roles, now), console.title(entry.playbook))
        for entry in found.gates
    ]
    return page(
        request,
        "decisions.html",
        who,
        now=now,
        items=items,
        clocks=found.clocks,
        unanswered=found.unanswered,
        next=f"/decisions?{urlencode({'after': found.next})}" if found.next else None,
        **form_of(console, request, who),
    )


async def show_gate(console: Console, request: Request, who: Who) -> Response:
    """Show one question; after a decision, what became of it."""
    said = request.query_params.get("decided", "")
    told = None
    if _DECISION_ID.fullmatch(said):
        told = await console.desk.told(who, request.path_params["incident"], said)
    return await _page(console, request, who, became(told) if told else None)


async def _page(
    console: Console,
    request: Request,
    who: Who,
    told: Became | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    incident, name = request.path_params["incident"], request.path_params["gate"]
    view = await console.desk.view(who, incident)
    now = datetime.now(UTC)
    gate = next((gate for gate in view.gates if gate.policy.id == name), None)
    return page(
        request,
        "gate_page.html",
        who,
        status=status,
        now=now,
        view=view,
        title=console.title(view.playbook),
        gate_name=name,
        a=asked(gate, who.person, who.roles, now) if gate else None,
        gone=_GONE,
        became=told,
        problem=problem,
        **form_of(console, request, who),
    )


async def take(console: Console, request: Request, who: Who) -> Response:
    """Take a decision from a form, hand it over, and show what became of it."""
    incident, gate = request.path_params["incident"], request.path_params["gate"]
    form = await fields_of(request)
    if await console.guard.refuses(request, form.get("csrf", "")):
        problem = "This form is too old, or was not sent from this page. Decide again."
        return await _page(console, request, who, problem=problem, status=403)
    if who.kind != "person":
        problem = "Only people decide; you can read here."
        return await _page(console, request, who, problem=problem, status=403)
    here = f"/incidents/{incident}/gates/{gate}"
    view = await console.desk.view(who, incident)
    open_now = next((g for g in view.gates if g.policy.id == gate), None)
    if open_now is not None and asked(open_now, who.person, who.roles, datetime.now(UTC)).grave:
        prove = console.guard.step_up(request, who, here)
        if prove is not None:
            return seen_other(prove)
    try:
        said = _said(form, gate)
    except BadInput as error:
        return await _page(console, request, who, problem=str(error), status=422)
    answer = await console.desk.say(who, incident, said, form.get("decision", ""))
    if answer.entry is None and answer.taken is not Taken.NOT_LOOKED_AT:
        # Nothing to come back to: it is told here and now.
        return await _page(console, request, who, became(answer))
    return handed_over(request, who, answer, f"{here}?decided={answer.id}")


def _said(form: dict[str, str], gate: str) -> Decide:
    reason = form.get("own_reason", "").strip() or form.get("reason", "").strip()
    if not reason:
        raise BadInput("A decision needs its reason", next_step="choose one, or write your own.")
    if not _DECISION_ID.fullmatch(form.get("decision", "")):
        raise BadInput("The form is not complete", next_step="load the page anew.")
    try:
        return Decide(
            gate=gate,
            nonce=form.get("nonce", ""),
            digest=form.get("digest", ""),
            choice=Choice(form.get("choice", "")),
            role=form.get("role", "") or None,
            reason=reason,
        )
    except ValueError as error:
        raise BadInput("The form is not complete", next_step="load the page anew.") from error
