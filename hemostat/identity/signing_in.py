"""Signing in and out: a local account, or the provider. Every success begins a new session."""

import secrets
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from hemostat.forms import form_of
from hemostat.identity.accounts import Account
from hemostat.identity.desk import here
from hemostat.identity.oidc import Oidc
from hemostat.identity.pages import (
    FLOW_LASTS,
    Doors,
    Flow,
    away,
    page,
    problem,
    seen_other,
)
from hemostat.identity.secrets import LONGEST, SHORTEST
from hemostat.identity.throttle import asker
from schemas.who import Who

_FORGED = "this form was not sent from our own page, or it is too old"
_AGAIN = "load the page anew and try again."


def new_flow(next_: str, **more: object) -> Flow:
    """Return a way in that leads to *next_*."""
    fields = {
        "until": datetime.now(UTC) + FLOW_LASTS,
        "csrf": secrets.token_urlsafe(24),
        "next": here(next_),
        **more,
    }
    return Flow.model_validate(fields)


async def show(doors: Doors, request: Request) -> Response:
    """``GET /login``."""
    flow = new_flow(request.query_params.get("next", "/"))
    return doors.on_its_way(_form(doors, request, flow), flow)


def _form(
    doors: Doors,
    request: Request,
    flow: Flow,
    *,
    status: int = 200,
    wrong: str = "",
    name: str = "",
    choose: bool = False,
) -> Response:
    table = doors.identity.table
    return page(
        request,
        "login.html",
        status=status,
        csrf=flow.csrf,
        wrong=wrong,
        name=name,
        choose=choose,
        shortest=SHORTEST,
        local=table.local_accounts,
        provider=doors.identity.oidc is not None,
    )


async def take(doors: Doors, request: Request) -> Response:
    """``POST /login``: a local account's secret; a one-time secret chooses a password with it."""
    form, flow = await form_of(request), doors.flow(request)
    if flow is None or doors.forged(request, flow, form.get("csrf", "")):
        return problem(request, 403, _FORGED, _AGAIN)
    if not doors.identity.table.local_accounts:
        return problem(request, 404, "there are no local accounts", "sign in with the provider.")
    name, account = form.get("name", "").strip().lower(), None
    account = await checked(doors, request, name, form.get("secret", ""))
    if account is None:
        wrong = "That is not right, or it was tried too often. Wait a little and try again."
        return _form(doors, request, flow, status=401, wrong=wrong, name=name[:63])
    if account.one_time:
        password = form.get("password", "")
        if not password:
            return _form(doors, request, flow, name=account.name, choose=True)
        wrong = _unfit(password, form.get("again", ""), form.get("secret", ""))
        if wrong:
            return _form(
                doors, request, flow, status=400, wrong=wrong, name=account.name, choose=True
            )
        account = await doors.checking.run(doors.identity.accounts.choose, account.name, password)
    return enter(doors, request, flow, doors.identity.local(account, "password"))


def _unfit(password: str, again: str, secret: str) -> str:
    if password != again:
        return "The two passwords are not the same."
    if not SHORTEST <= len(password) <= LONGEST:
        return f"A password has {SHORTEST} to {LONGEST} characters."
    return "Choose another one than the one-time secret." if password == secret else ""


async def checked(doors: Doors, request: Request, name: str, secret: str) -> Account | None:
    """Return the account if *secret* is its own and guessing was not too fast."""
    key = f"{name} {asker(request)}"
    if doors.throttle.wait(key) > 0 or not doors.checking.has_room:
        return None
    doors.throttle.failed(key)  # before it is looked at: many guesses at one moment are many
    account = await doors.checking.run(doors.identity.accounts.verify, name, secret)
    if account is not None:
        doors.throttle.held(key)
    return account


def enter(doors: Doors, request: Request, flow: Flow, who: Who) -> Response:
    """Begin a new session for *who* and go on to where they wanted to."""
    response = seen_other(flow.next)
    doors.identity.sessions.open(request, response, who)
    doors.identity.flow.drop(response)
    return response


async def to_provider(doors: Doors, request: Request) -> Response:
    """``GET /login/oidc``: a sign-in; with ``afresh`` a fresh proof of who is signed in.

    A link and no form: browsers hold the redirect that follows a form to ``form-action``.
    """
    if doors.identity.oidc is None:
        return problem(request, 404, "no provider is configured", "sign in with an account.")
    before, session = doors.flow(request), doors.identity.session(request)
    if request.query_params.get("afresh") and session is not None:
        sign_in = Oidc.begin(afresh=True)
        next_ = request.query_params.get("next", "/")
        flow = new_flow(next_, oidc=sign_in, subject=session.who.subject)
    else:
        sign_in = Oidc.begin()
        flow = new_flow(before.next if before else "/", oidc=sign_in)
    return doors.on_its_way(away(await doors.identity.oidc.address(sign_in)), flow)


async def from_provider(doors: Doors, request: Request) -> Response:
    """``GET /login/callback``: what the browser brings back from the provider."""
    flow, oidc = doors.flow(request), doors.identity.oidc
    if oidc is None or flow is None or flow.oidc is None:
        return problem(request, 403, "no sign-in is under way in this browser", "sign in again.")
    proven = await oidc.finish(flow.oidc, dict(request.query_params))
    who = doors.identity.known(proven)
    if who is None:
        return problem(
            request,
            403,
            "you are signed in at the provider, and not known here",
            "ask for a line in [identity.subjects] of hemostat.toml.",
        )
    if flow.subject is None:
        return enter(doors, request, flow, who)
    session = doors.identity.session(request)
    if session is None or not flow.subject == session.who.subject == who.subject:
        return problem(request, 403, "somebody else signed in at the provider", "sign in again.")
    response = seen_other(flow.next)
    doors.identity.sessions.keep(response, session, who)
    doors.identity.flow.drop(response)
    return response


async def leave(doors: Doors, request: Request) -> Response:
    """``POST /logout``: end the session, with ``everywhere`` all of this person's, and tokens."""
    form = await form_of(request)
    if await doors.identity.refuses(request, form.get("csrf", "")):
        return problem(request, 403, _FORGED, _AGAIN)
    session = doors.identity.session(request)
    response = seen_other("/login")
    if session is not None:
        doors.identity.sessions.end(session)
        if form.get("everywhere"):
            doors.identity.sessions.end_all_of(session.who.subject)
            doors.identity.tokens.end_all_of(session.who.subject)
    doors.identity.sessions.cookie.drop(response)
    return response
