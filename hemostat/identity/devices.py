"""The device flow (RFC 8628): a terminal shows a code, its person lends it their proof here.

A code can be somebody else's, sent so that its reader lends them their proof. So no link carries
one: the person types what their own terminal shows, sees from where and when it was asked for and
what it will be able to do, and only then says yes (RFC 8628 §5.4). Guessing codes gets slower.
"""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hemostat.forms import form_of
from hemostat.identity.pages import Doors, page, problem, said, seen_other
from hemostat.identity.proving import account_of, signed_in
from hemostat.identity.sessions import Session
from hemostat.identity.throttle import asker
from hemostat.identity.tokens import CODE_LASTS, POLL_EVERY, Device, Waits
from schemas.base import iso
from schemas.who import Who

_NONE_WAITS = "No terminal waits with this code. Type what your own terminal shows now."
_TOO_OFTEN = "That was tried too often. Wait a little and try again."


async def ask(doors: Doors, request: Request) -> Response:
    """``POST /device/code``: a terminal asks for a code; many from one address wait longer."""
    if doors.throttle.wait(_terminal(request)) > 0:
        return said({"error": "slow_down"}, 429)
    doors.throttle.failed(_terminal(request))
    try:
        device, code = doors.identity.tokens.ask(asker(request))
    except Waits as waits:
        return said({"error": waits.error}, 429)
    return said(
        {
            "device_code": device,
            "user_code": code,
            "verification_uri": f"{doors.identity.url}/device",
            "expires_in": int(CODE_LASTS.total_seconds()),
            "interval": POLL_EVERY,
        }
    )


async def collect(doors: Doors, request: Request) -> Response:
    """``POST /device/token``: the terminal asks whether its person has answered."""
    form = await form_of(request)
    try:
        token, issued = doors.identity.tokens.collect(form.get("device_code", ""))
    except Waits as waits:
        return said({"error": waits.error}, 400)
    doors.throttle.held(_terminal(request))
    answer: dict[str, Any] = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_at": iso(min(issued.until, doors.identity.holds_until(issued.who))),
        "person": issued.who.person,
    }
    return said(answer)


async def end(doors: Doors, request: Request) -> Response:
    """``POST /device/end``: the terminal gives its own token back; nobody else knows it."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or doors.identity.tokens.whose(token.strip()) is None:
        return said({"error": "invalid_token"}, 401)
    doors.identity.tokens.end(token.strip())
    return said({"ended": True})


async def show(doors: Doors, request: Request) -> Response:
    """``GET /device``: where a person types the code; whatever an address carries is not it."""
    present = await signed_in(doors, request)
    if present is None:
        return seen_other("/login?next=/device")
    session, who = present
    again = _proof_first(doors, request, who)
    return seen_other(again) if again is not None else _page(request, session, who)


async def answer(doors: Doors, request: Request) -> Response:
    """``POST /device``: a code was typed, or what it asks was answered: lend the proof, or refuse."""
    form, present = await form_of(request), await signed_in(doors, request)
    if present is None or await doors.identity.refuses(request, form.get("csrf", "")):
        return problem(request, 403, "this form was not sent from our own page", "load it anew.")
    session, who = present
    said_so, code = form.get("answer", ""), form.get("code", "")[:20]
    again = None if said_so == "refuse" else _proof_first(doors, request, who)
    if again is not None:
        return seen_other(again)
    guesses = f"code {who.subject}"
    if doors.throttle.wait(guesses) > 0:
        return _page(request, session, who, status=429, wrong=_TOO_OFTEN)
    waiting = doors.identity.tokens.waiting(code)
    if waiting is not None and said_so not in ("lend", "refuse"):
        return _asked(doors, request, session, who, waiting)
    # As it was proven: which roles that gives is looked up at each use.
    lent = session.who if said_so == "lend" else None
    if waiting is None or not doors.identity.tokens.answer(code, lent):
        doors.throttle.failed(guesses)
        return _page(request, session, who, status=404, wrong=_NONE_WAITS)
    doors.throttle.held(guesses)
    became = "the terminal was refused" if lent is None else "the terminal is signed in as you"
    return _page(request, session, who, became=became)


def _terminal(request: Request) -> str:
    return f"device {asker(request)}"


def _proof_first(doors: Doors, request: Request, who: Who) -> str | None:
    """Where to prove it afresh before a terminal is lent the proof for hours.

    A provider that never says when it asked somebody cannot be asked for that.
    """
    if account_of(doors.identity, who) is None and who.stepped_up_at is None:
        return None
    return doors.identity.step_up(request, who, "/device")


def _asked(doors: Doors, request: Request, session: Session, who: Who, device: Device) -> Response:
    """What exactly is asked, before anything is lent."""
    now, table = datetime.now(UTC), doors.identity.table
    asked = {
        "code": device.user_code,
        "at": device.asked_at,
        "ago": max(0, round((now - device.asked_at).total_seconds())),
        "address": device.asked_from,
        "here": asker(request),
        "until": min(now + table.token_lasts, doors.identity.holds_until(session.who)),
        "proof_for": max(1, round(table.step_up_within.total_seconds() / 60)),
    }
    return _page(request, session, who, asked=asked)


def _page(
    request: Request,
    session: Session,
    who: Who,
    *,
    status: int = 200,
    asked: dict[str, Any] | None = None,
    became: str = "",
    wrong: str = "",
) -> Response:
    more = {"asked": asked, "became": became, "wrong": wrong}
    return page(request, "device.html", status=status, csrf=session.csrf, who=who, **more)
