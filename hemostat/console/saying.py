"""The page of one thing to say to an incident, and what became of it; as a decision's, for the rest.

What a person wrote is never lost: where something is missing, or their proof grew old meanwhile, the
page comes back with it. The form has a key of its own, so that sending it twice counts once.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from hemostat.console import story
from hemostat.console.doors import Console
from hemostat.console.forms import FORMS, Form, Seen
from hemostat.console.pages import page
from hemostat.console.speaking import became, form_of, handed_over
from hemostat.desk.said import Taken, is_grave
from hemostat.forms import form_of as fields_of
from schemas.clocks.view import ClocksView
from schemas.errors import BadInput, HemostatError
from schemas.who import Who

_FIELDS: Final = 40
_LARGEST: Final = 512 * 1024
"""Bytes: a text of 20,000 characters, each of four bytes, each byte written as three."""
_ID: Final = re.compile(r"[0-9a-f-]{36}")
_PROVE_AGAIN: Final = "Your proof of who you are has grown old. Prove it again in another tab, then send this as it is."


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
    return Seen(who, view, read.entries, told, clocks, console.break_glass)


async def show(console: Console, request: Request, who: Who) -> Response:
    """Show the form; after it was sent, what became of it."""
    form, incident = _form(request), request.path_params["incident"]
    seen = await seen_of(console, who, incident)
    said, told = request.query_params.get("said", ""), None
    if _ID.fullmatch(said):
        told = await console.desk.told(who, incident, said)
    given = {name: request.query_params.get(name, "") for name in ("gate", "clock", "step")}
    return _page(console, request, seen, form, given, told=became(told) if told else None)


async def take(console: Console, request: Request, who: Who) -> Response:
    """Take what a person says from the form, hand it over, and show what became of it."""
    form, incident = _form(request), request.path_params["incident"]
    seen = await seen_of(console, who, incident)
    given = await fields_of(request, most=_LARGEST, fields=_FIELDS)
    if (why := await _not_heard(console, request, who, given)) is not None:
        return _page(console, request, seen, form, {}, why, status=403)
    if form.grave and console.guard.step_up(request, who, _here(request)) is not None:
        return _page(console, request, seen, form, given, _PROVE_AGAIN, status=403)
    try:
        said = form.said(
            {name: v.strip() for name, v in given.items() if v.strip()} | _as_is(given)
        )
    except ValueError as error:
        return _page(console, request, seen, form, given, _missing(error), status=422)
    if is_grave(said) and console.guard.step_up(request, who, _here(request)) is not None:
        return _page(console, request, seen, form, given, _PROVE_AGAIN, status=403, grave=True)
    key = given.get("decision", "")
    if not _ID.fullmatch(key):
        return _page(console, request, seen, form, given, "Send it again.", status=422)
    try:
        answer = await console.desk.say(who, incident, said, key)
    except BadInput as error:
        return _page(console, request, seen, form, given, str(error), status=422)
    if answer.entry is None and answer.taken is not Taken.NOT_LOOKED_AT:
        # Nothing to come back to: it is told here and now.
        return _page(console, request, seen, form, {}, told=became(answer))
    return handed_over(request, who, answer, f"{_here(request)}?said={answer.id}")


async def _not_heard(
    console: Console, request: Request, who: Who, given: Mapping[str, str]
) -> str | None:
    """Why nothing of a form is looked at; None if it is."""
    if await console.guard.refuses(request, given.get("csrf", "")):
        return "This form is too old, or was not sent from this page. Write it again."
    return None if who.kind == "person" else "Only people speak to an incident; you can read here."


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


def _missing(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"{error}."
    names = dict.fromkeys(
        str(one["loc"][0]) if one["loc"] else "the form" for one in error.errors()
    )
    return f"Not understood, or missing: {', '.join(names)}."


def _page(
    console: Console,
    request: Request,
    seen: Seen,
    form: Form,
    given: Mapping[str, str],
    problem: str | None = None,
    *,
    told: object = None,
    status: int = 200,
    grave: bool = False,
) -> Response:
    may_speak = seen.who.kind == "person" and seen.view.resolution is None
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
        fields=form.fields(seen) if may_speak else (),
        given=given,
        proof=proof,
        became=told,
        problem=problem,
        **{**form_of(console, request, seen.who), "may_speak": may_speak},
    )
