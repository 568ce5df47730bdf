"""Gates: the inbox of a person, the page of one question, and a decision taken from a form.

A decision is bound to what the form showed: nonce and digest travel in it, and the incident
refuses what no longer matches. The form has a key of its own, so that sending it twice counts once.
Who has to prove afresh who they are does so before they write; what was written is never lost.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console.asked import Asked, asked
from hemostat.console.doors import Console, from_our_page
from hemostat.console.keeping import PROVE_AGAIN, in_words, not_heard, written
from hemostat.console.pages import page
from hemostat.console.speaking import Became, became, form_of, handed_over
from hemostat.desk.inbox import Asked as InboxEntry
from hemostat.desk.said import Decide, Taken
from schemas.errors import BadInput
from schemas.gate import Choice
from schemas.who import Who

_DECISION_ID: Final = re.compile(r"[0-9a-f-]{36}")
_OTHER_BY_NOW: Final = "What is asked has changed since you wrote: look at it anew."
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
    told, again = None, {}
    if _DECISION_ID.fullmatch(said):
        told = await console.desk.told(who, request.path_params["incident"], said)
    if told and told.taken in (Taken.TOO_LATE, Taken.REFUSED) and told.entry:
        again = {"own_reason": str(told.entry.data.get("reason", ""))}
    return await _page(console, request, who, told=became(told) if told else None, given=again)


async def _page(
    console: Console,
    request: Request,
    who: Who,
    *,
    told: Became | None = None,
    problem: str | None = None,
    status: int = 200,
    given: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The page of one question: *given* is what was written there before, as it was typed."""
    incident, name = request.path_params["incident"], request.path_params["gate"]
    view, alerted = await asyncio.gather(
        console.desk.view(who, incident), console.desk.alerted(who, incident)
    )
    now = datetime.now(UTC)
    gate = next((gate for gate in view.gates if gate.policy.id == name), None)
    if problem and given and gate and given.get("digest") != gate.digest:
        problem = f"{problem} {_OTHER_BY_NOW}"
    return page(
        request,
        "gate_page.html",
        who,
        status=status,
        now=now,
        view=view,
        title=console.title(view.playbook),
        alerted=alerted,
        gate_name=name,
        a=asked(gate, who.person, who.roles, now) if gate else None,
        gone=_GONE,
        became=told,
        problem=problem,
        given=given,
        left=() if told and told.seq is not None else in_words(given),
        **form_of(console, request, who),
    )


async def take(console: Console, request: Request, who: Who) -> Response:
    """Take a decision from a form, hand it over, and show what became of it."""
    incident, gate = request.path_params["incident"], request.path_params["gate"]
    given = await written(request)
    if (why := await not_heard(console, request, who, given)) is not None:
        kept = given if from_our_page(request) else {}
        return await _page(console, request, who, problem=why, status=403, given=kept)
    here = f"/incidents/{incident}/gates/{gate}"
    view = await console.desk.view(who, incident)
    open_now = next((g for g in view.gates if g.policy.id == gate), None)
    a = asked(open_now, who.person, who.roles, datetime.now(UTC)) if open_now else None
    if a is not None and a.grave and console.guard.step_up(request, who, here) is not None:
        return await _page(console, request, who, problem=PROVE_AGAIN, status=403, given=given)
    try:
        said = _said(given, gate)
    except BadInput as error:
        return await _page(console, request, who, problem=str(error), status=422, given=given)
    answer = await console.desk.say(who, incident, said, given.get("decision", ""))
    if answer.entry is None and answer.taken is not Taken.NOT_LOOKED_AT:
        # Nothing to come back to: it is told here and now.
        kept = {} if answer.counted else given
        return await _page(console, request, who, told=became(answer), given=kept)
    return handed_over(request, who, answer, f"{here}?decided={answer.id}")


def _said(form: Mapping[str, str], gate: str) -> Decide:
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
