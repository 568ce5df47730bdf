"""Before an incident: the playbooks there are, what would keep them from working, and drills."""

import time
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console.doors import Console, seen_other
from hemostat.console.drills import Drills
from hemostat.console.pages import page
from hemostat.forms import form_of
from schemas.errors import BadInput
from schemas.who import Who

_NONE: Final = Drills((), Path())
_NO_DRILLS: Final = "Drills need more than is installed here: pip install 'hemostat[drill]'."


async def show_playbooks(console: Console, request: Request, who: Who) -> Response:
    """Show every playbook, made from its code."""
    csrf = console.guard.token(request)
    return page(request, "playbooks.html", who, books=console.books, csrf=csrf)


async def show_readiness(console: Console, request: Request, who: Who) -> Response:
    """Check now, and show what was found."""
    began = time.monotonic()
    problems, fine = await console.findings() if console.findings else (None, [])
    return page(
        request,
        "readiness.html",
        who,
        problems=problems,
        fine=fine,
        took=time.monotonic() - began if console.findings else None,
        csrf=console.guard.token(request),
    )


async def show_drills(console: Console, request: Request, who: Who) -> Response:
    """Show the drills of this gateway, and how to start one."""
    return _drills(console, request, who)


def _drills(
    console: Console, request: Request, who: Who, problem: str | None = None, status: int = 200
) -> Response:
    drills = console.drills or _NONE
    return page(
        request,
        "drills.html",
        who,
        status=status,
        drills=drills.runs,
        running=drills.running,
        scenarios=drills.scenarios,
        may_start=bool(drills.scenarios) and who.kind == "person",
        problem=problem or (None if drills.scenarios else _NO_DRILLS),
        csrf=console.guard.token(request),
    )


async def start_drill(console: Console, request: Request, who: Who) -> Response:
    """Start a drill from a form."""
    form = await form_of(request)
    if await console.guard.refuses(request, form.get("csrf", "")):
        return _drills(console, request, who, "This form is too old. Start again.", 403)
    if who.kind != "person":
        return _drills(console, request, who, "Only people start drills.", 403)
    if console.drills is None:
        return _drills(console, request, who, status=409)
    try:
        await console.drills.start(form.get("scenario", ""), who.person)
    except BadInput as error:
        return _drills(console, request, who, str(error), 409)
    return seen_other("/drills")
