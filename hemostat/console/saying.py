"""The page of one thing to say to an incident, and what became of it; as a decision's, for the rest.

What a person wrote is never lost: where something is missing, the incident refuses it, or their
proof grew old meanwhile, the page comes back with it, and says what is wrong beside the field. Whose
session ended gets it back, to send when they have signed in again. The form has a key of its own,
so that sending it twice counts once.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console import story
from hemostat.console.doors import Console, from_our_page
from hemostat.console.fields import Seen
from hemostat.console.forms import FORMS, Form
from hemostat.console.keeping import PROVE_AGAIN, in_words, not_heard, written
from hemostat.console.pages import page
from hemostat.console.speaking import Became, became, form_of, handed_over
from hemostat.console.wrong import Wrong, beside, refused
from hemostat.desk.said import Said, Taken, is_grave
from schemas.clocks.view import ClocksView
from schemas.errors import BadInput, HemostatError
from schemas.who import Who

_ID: Final = re.compile(r"[0-9a-f-]{36}")
_NOT_SENT: Final = "Nothing was sent. Look at"
_STILL: Final = "Nothing was changed. What you wrote is still here."


async def seen_of(console: Console, who: Who, incident: str) -> Seen:
    """Return the incident as forms need it."""
    view, read = await asyncio.gather(
        console.desk.view(who, incident), console.desk.journal(who, incident)
    )
    try:
        clocks = await console.desk.clocks(who, incident)
    except HemostatError:
        clocks = ClocksView()
    told = story.tell(view, read.entries)
    return Seen(who, view, read.entries, told, clocks, console.break_glass, console.people)


async def show(console: Console, request: Request, who: Who) -> Response:
    """Show the form; after it was sent, what became of it."""
    form, incident = _form(request), request.path_params["incident"]
    seen = await seen_of(console, who, incident)
    said, told = request.query_params.get("said", ""), None
    if _ID.fullmatch(said):
        told = await console.desk.told(who, incident, said)
    chosen = {k: v for k, v in request.query_params.items() if k in ("gate", "clock", "step")}
    return _page(console, request, seen, form, chosen, told=became(told) if told else None)


async def take(console: Console, request: Request, who: Who) -> Response:
    """Take what a person says from the form, hand it over, and show what became of it."""
    form, given = _form(request), await written(request)
    seen = await seen_of(console, who, request.path_params["incident"])
    if (why := await not_heard(console, request, who, given)) is not None:
        kept = given if from_our_page(request) else {}
        return _page(console, request, seen, form, kept, why, status=403)
    if form.grave and console.guard.step_up(request, who, _here(request)) is not None:
        return _page(console, request, seen, form, given, PROVE_AGAIN, status=403)
    filled = {name: v.strip() for name, v in given.items() if v.strip()} | _as_is(given)
    wrong = form.wrong(filled, seen.people)
    said: Said | None = None
    try:
        said = form.said(filled)
    except ValueError as error:
        wrong = {**wrong, **beside(error)}
    if wrong or said is None:
        return _page(console, request, seen, form, given, _NOT_SENT, wrong=wrong, status=422)
    if is_grave(said) and console.guard.step_up(request, who, _here(request)) is not None:
        return _page(console, request, seen, form, given, PROVE_AGAIN, status=403, grave=True)
    return await _hand_over(console, request, seen, form, given, said)


async def _hand_over(
    console: Console, request: Request, seen: Seen, form: Form, given: Mapping[str, str], said: Said
) -> Response:
    """Hand over what was understood; where it changed nothing, it is shown again as it was typed."""
    key = given.get("decision", "")
    if not _ID.fullmatch(key):
        return _page(console, request, seen, form, given, "Send it again.", status=422)
    try:
        answer = await console.desk.say(seen.who, seen.view.id, said, key)
    except BadInput as error:
        return _page(console, request, seen, form, given, str(error), status=422)
    if answer.taken is Taken.NOT_LOOKED_AT or (answer.counted and answer.entry is not None):
        return handed_over(request, seen.who, answer, f"{_here(request)}?said={answer.id}")
    if answer.counted:
        # Nothing to come back to: it is told here and now.
        return _page(console, request, seen, form, {}, told=became(answer))
    told = replace(became(answer), means=_STILL)
    return _page(console, request, seen, form, given, told=told, wrong=refused(answer), status=409)


def _form(request: Request) -> Form:
    form = FORMS.get(request.path_params["what"])
    if form is None:
        raise BadInput("there is nothing of the kind to say", next_step="see the incident.")
    return form


def _here(request: Request) -> str:
    return f"/incidents/{request.path_params['incident']}/say/{request.path_params['what']}"


def _as_is(given: Mapping[str, str]) -> dict[str, str]:
    """A text to be sent keeps its spaces: its digest is of exactly what was written."""
    return {"text": given["text"]} if given.get("text", "").strip() else {}


def _page(
    console: Console,
    request: Request,
    seen: Seen,
    form: Form,
    given: Mapping[str, str],
    problem: str | None = None,
    *,
    told: Became | None = None,
    wrong: Wrong = MappingProxyType({}),
    status: int = 200,
    grave: bool = False,
) -> Response:
    """The page: *given* as it was typed, *wrong* beside its fields."""
    may_speak = seen.who.kind == "person" and seen.view.resolution is None
    fields = form.fields(seen) if may_speak else ()
    says = {**{field.name: field.says for field in fields}, "reason": "Why, for the record"}
    grave = grave or form.grave
    proof = console.guard.step_up(request, seen.who, _here(request)) if grave else None
    return page(
        request,
        "say.html",
        seen.who,
        status=status,
        view=seen.view,
        title=console.title(seen.view.playbook),
        form=form,
        fields=fields,
        given=given,
        left=in_words(given),
        wrong=wrong,
        first_wrong=next((name for name in (*says, "") if name in wrong), None),
        says=says,
        proof=proof,
        became=told,
        problem=problem,
        **{**form_of(console, request, seen.who), "may_speak": may_speak},
    )
