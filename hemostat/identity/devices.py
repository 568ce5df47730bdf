"""The device flow (RFC 8628): a terminal shows a code, its person lends it their proof here."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hemostat.forms import form_of
from hemostat.identity.pages import Doors, page, problem, said, seen_other
from hemostat.identity.proving import account_of, signed_in
from hemostat.identity.throttle import asker
from hemostat.identity.tokens import CODE_LASTS, POLL_EVERY, Waits
from schemas.base import iso
from schemas.who import Who


async def ask(doors: Doors, request: Request) -> Response:
    """``POST /device/code``: a terminal asks for a code; many from one address wait longer."""
    if doors.throttle.wait(_asker(request)) > 0:
        return said({"error": "slow_down"}, 429)
    doors.throttle.failed(_asker(request))
    try:
        device, code = doors.identity.tokens.ask()
    except Waits as waits:
        return said({"error": waits.error}, 429)
    address = f"{doors.identity.url}/device"
    return said(
        {
            "device_code": device,
            "user_code": code,
            "verification_uri": address,
            "verification_uri_complete": f"{address}?code={code}",
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
    doors.throttle.held(_asker(request))
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
    """``GET /device``: the person compares the code and answers."""
    present = await signed_in(doors, request)
    code = request.query_params.get("code", "")[:20]
    if present is None:
        safe = "".join(char for char in code if char.isalnum() or char == "-")
        return seen_other(f"/login?next=/device%3Fcode%3D{safe}" if safe else "/login?next=/device")
    session, who = present
    again = _proof_first(doors, request, who, code)
    if again is not None:
        return seen_other(again)
    return page(request, "device.html", csrf=session.csrf, code=code, who=who, became="")


def _asker(request: Request) -> str:
    return f"device {asker(request)}"


def _proof_first(doors: Doors, request: Request, who: Who, code: str) -> str | None:
    """Where to prove it afresh before a terminal is lent the proof for hours.

    A provider that never says when it asked somebody cannot be asked for that.
    """
    if account_of(doors.identity, who) is None and who.stepped_up_at is None:
        return None
    plain = "".join(char for char in code if char.isalnum() or char == "-")
    return doors.identity.step_up(request, who, f"/device?code={plain}")


async def answer(doors: Doors, request: Request) -> Response:
    """``POST /device``: lend the proof, or refuse."""
    form, present = await form_of(request), await signed_in(doors, request)
    if present is None or await doors.identity.refuses(request, form.get("csrf", "")):
        return problem(request, 403, "this form was not sent from our own page", "load it anew.")
    session, who = present
    lends = form.get("answer") == "lend"
    again = _proof_first(doors, request, who, form.get("code", "")[:20]) if lends else None
    if again is not None:
        return seen_other(again)
    # As it was proven: which roles that gives is looked up at each use.
    known = doors.identity.tokens.answer(form.get("code", ""), session.who if lends else None)
    became = "no terminal waits with this code"
    if known:
        became = "the terminal is signed in as you" if lends else "the terminal was refused"
    return page(
        request,
        "device.html",
        status=200 if known else 404,
        csrf=session.csrf,
        code="",
        who=who,
        became=became,
    )
