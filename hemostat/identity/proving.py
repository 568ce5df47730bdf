"""Proving it again: step-up before a grave decision, and passkeys. Who proves is who is signed in."""

import asyncio
import json
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from hemostat.forms import FORM_WITHIN, form_of
from hemostat.identity.accounts import Account
from hemostat.identity.desk import Identity, here
from hemostat.identity.pages import Doors, page, problem, said, seen_other
from hemostat.identity.passkeys import PasskeyRefused, id_in
from hemostat.identity.sessions import Session
from hemostat.identity.signing_in import checked, new_flow
from schemas.who import Who

_FORGED = "this was not sent from our own page, or it is too old"
_AGAIN = "load the page anew and try again."
_LARGEST = 64 * 1024


async def signed_in(doors: Doors, request: Request) -> tuple[Session, Who] | None:
    """Return the session of this browser and whose it is; a token of a program is no browser."""
    if request.headers.get("authorization"):
        return None
    who, session = await doors.identity.who(request), doors.identity.session(request)
    return (session, who) if who and session else None


def account_of(identity: Identity, who: Who) -> Account | None:
    """Return the local account that *who* signed in with, None if it was the provider."""
    local = who.subject.startswith("local:")
    return identity.accounts.get(who.subject.removeprefix("local:")) if local else None


async def show_step_up(doors: Doors, request: Request) -> Response:
    """``GET /step-up``: ask for a fresh proof, here or at the provider."""
    present = await signed_in(doors, request)
    next_ = here(request.query_params.get("next", "/"))
    if present is None:
        return seen_other("/login")
    session, who = present
    account = account_of(doors.identity, who)
    return page(
        request,
        "step_up.html",
        csrf=session.csrf,
        next=next_,
        person=who.person,
        passkeys=bool(account and account.passkeys),
        local=account is not None,
        wrong="",
    )


async def take_step_up(doors: Doors, request: Request) -> Response:
    """``POST /step-up``: the password again."""
    form, present = await form_of(request), await signed_in(doors, request)
    if present is None or await doors.identity.refuses(request, form.get("csrf", "")):
        return problem(request, 403, _FORGED, _AGAIN)
    session, who = present
    account = account_of(doors.identity, who)
    if account is None:
        return problem(request, 404, "your organisation signs you in", "prove it there.")
    proved = await checked(doors, request, account.name, form.get("secret", ""))
    if proved is None or proved.one_time:
        return page(
            request,
            "step_up.html",
            status=401,
            csrf=session.csrf,
            next=here(form.get("next", "/")),
            person=who.person,
            passkeys=bool(account.passkeys),
            local=True,
            wrong="That is not right, or it was tried too often.",
        )
    response = seen_other(form.get("next", "/"))
    doors.identity.sessions.keep(response, session, doors.identity.local(proved, "password"))
    return response


# Passkeys


async def options_to_sign_in(doors: Doors, request: Request) -> Response:
    """``POST /login/passkey/options``: a challenge, for a sign-in or for a fresh proof."""
    flow, present = doors.flow(request), await signed_in(doors, request)
    token = request.headers.get("x-csrf", "")
    if present is not None and not await doors.identity.refuses(request, token):
        session, who = present
        options, challenge = doors.passkeys.to_sign_in(account_of(doors.identity, who))
        next_ = here(request.query_params.get("next", "/"))
        on = new_flow(next_, challenge=challenge, subject=who.subject, csrf=session.csrf)
    elif flow is not None and not doors.forged(request, flow, token):
        options, challenge = doors.passkeys.to_sign_in()
        on = flow.model_copy(update={"challenge": challenge})
    else:
        return said({"error": _FORGED, "next": _AGAIN}, 403)
    return doors.on_its_way(said(json.loads(options)), on)


async def take_passkey(doors: Doors, request: Request) -> Response:
    """``POST /login/passkey``: the device's answer to the challenge; it is used once."""
    flow, sent = doors.flow(request), await _body(request)
    if flow is None or doors.forged(request, flow, request.headers.get("x-csrf", "")):
        return said({"error": _FORGED, "next": _AGAIN}, 403)
    found = doors.identity.accounts.by_passkey(id_in(sent))
    if found is None or flow.challenge is None:
        return said({"error": "this passkey is not known here", "next": _AGAIN}, 403)
    account, passkey = found
    used = doors.passkeys.signed_in(sent, flow.challenge, passkey)
    # Most passkeys count nothing: without this their answer, overheard, would serve a second time.
    if not doors.identity.sessions.spend(f"challenge {flow.challenge}", flow.until):
        raise PasskeyRefused("this answer was used before")
    who = doors.identity.local(doors.identity.accounts.used_passkey(account.name, used), "passkey")
    response = said({"next": here(flow.next)})
    if flow.subject is None:
        doors.identity.sessions.open(request, response, who)
    else:
        session = doors.identity.session(request)
        if session is None or not flow.subject == session.who.subject == who.subject:
            return said({"error": "this is somebody else's passkey", "next": _AGAIN}, 403)
        doors.identity.sessions.keep(response, session, who)
    doors.identity.flow.drop(response)
    return response


async def options_to_register(doors: Doors, request: Request) -> Response:
    """``POST /passkeys/options``: begin to add a passkey; asks for a fresh proof first."""
    present = await _may_register(doors, request)
    if isinstance(present, Response):
        return present
    session, who, account = present
    options, challenge = doors.passkeys.to_register(account)
    flow = new_flow("/me", challenge=challenge, subject=who.subject, csrf=session.csrf)
    return doors.on_its_way(said(json.loads(options)), flow)


async def register(doors: Doors, request: Request) -> Response:
    """``POST /passkeys``: keep what the device made."""
    present, flow = await _may_register(doors, request), doors.flow(request)
    if isinstance(present, Response):
        return present
    _, who, account = present
    if flow is None or flow.challenge is None or flow.subject != who.subject:
        return said({"error": _FORGED, "next": _AGAIN}, 403)
    sent = await _body(request)
    passkey = doors.passkeys.registered(sent, flow.challenge, datetime.now(UTC))
    if doors.identity.accounts.by_passkey(passkey.id) is not None:
        raise PasskeyRefused("a passkey of this id is known here")  # WebAuthn §7.1, step 26
    doors.identity.accounts.add_passkey(account.name, passkey)
    response = said({"next": "/me"})
    doors.identity.flow.drop(response)
    return response


async def _may_register(doors: Doors, request: Request) -> tuple[Session, Who, Account] | Response:
    present = await signed_in(doors, request)
    if present is None or await doors.identity.refuses(request, request.headers.get("x-csrf", "")):
        return said({"error": _FORGED, "next": _AGAIN}, 403)
    session, who = present
    account = account_of(doors.identity, who)
    if account is None:
        return said({"error": "passkeys are your provider's here", "next": "add one there."}, 400)
    again = doors.identity.step_up(request, who, "/me")
    if again is not None:
        return said({"error": "prove first that it is you", "next": again}, 401)
    return session, who, account


async def _body(request: Request) -> str:
    body = b""
    try:
        async with asyncio.timeout(FORM_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST:
                    return ""
    except TimeoutError:
        return ""
    return body.decode("utf-8", "replace")


async def show_me(doors: Doors, request: Request) -> Response:
    """``GET /me``: who one is here, one's passkeys, and the ways out."""
    present = await signed_in(doors, request)
    if present is None:
        return seen_other("/login?next=/me")
    session, who = present
    account = account_of(doors.identity, who)
    return page(request, "me.html", csrf=session.csrf, who=who, account=account)
