"""The pages of signing in: rendered here, no text of a request unescaped, nothing from elsewhere.

They look as the console does: its style sheet is theirs, with a few lines of their own, and the
colours that a person chose there hold here.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from hemostat.identity.desk import Identity, here
from hemostat.identity.oidc import SignIn
from hemostat.identity.passkeys import Passkeys
from hemostat.identity.sessions import same
from hemostat.identity.throttle import Checking, Throttle
from schemas.base import Frozen, Utc
from schemas.errors import HemostatError

FLOW_LASTS: Final = timedelta(minutes=10)
_log = logging.getLogger(__name__)
_HERE: Final = Path(__file__).parent
_STATIC: Final = _HERE / "static"
_ASSETS: Final = {
    "console.css": _HERE.parent / "console" / "static" / "console.css",
    "icon.svg": _HERE.parent / "console" / "static" / "icon.svg",
    "style.css": _STATIC / "sign_in.css",
    "passkey.js": _STATIC / "passkey.js",
}
_THEMES: Final = ("light", "dark")
_THEME_COOKIE: Final = "hemostat-theme"

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)


class Flow(Frozen):
    """One way in, under way: sealed in the browser's cookie and over after ten minutes."""

    until: Utc
    csrf: str
    next: str = "/"
    oidc: SignIn | None = None
    challenge: str | None = None
    subject: str | None = None
    """Who proves it afresh; None at a sign-in."""


@dataclass(frozen=True)
class Doors:
    """What the pages share."""

    identity: Identity
    passkeys: Passkeys
    throttle: Throttle
    checking: Checking = field(default_factory=Checking)

    def flow(self, request: Request) -> Flow | None:
        """Return the way in that this browser is on; None if there is none, or it is over."""
        flow = self.identity.flow.read(request, Flow)
        return flow if flow and datetime.now(UTC) < flow.until else None

    def on_its_way(self, response: Response, flow: Flow) -> Response:
        """Give the browser its way in."""
        self.identity.flow.set(response, flow, flow.until)
        return response

    def forged(self, request: Request, flow: Flow | None, token: str) -> bool:
        """Whether a form of the way in was not sent from our own page."""
        return flow is None or self.identity.foreign(request) or not same(token, flow.csrf)


Handler = Callable[[Doors, Request], Awaitable[Response]]


def page(request: Request, template: str, *, status: int = 200, **content: Any) -> Response:
    """Return a page of ours."""
    theme = request.cookies.get(_THEME_COOKIE, "")
    shown = theme if theme in _THEMES else ""
    text = _TEMPLATES.get_template(template).render(theme=shown, **content)
    return HTMLResponse(text, status, headers=HEADERS)


def seen_other(path: str) -> Response:
    """Send to a path of this server."""
    return RedirectResponse(here(path), 303, headers=HEADERS)


def away(address: str) -> Response:
    """Send to the provider, whose address is the configured one's own."""
    return RedirectResponse(address, 303, headers=HEADERS)


def said(content: dict[str, Any], status: int = 200) -> Response:
    """Return JSON that is kept nowhere."""
    return JSONResponse(content, status, headers=HEADERS)


def problem(request: Request, status: int, what: str, next_step: str) -> Response:
    """Return a page, or JSON to a script, that says what was wrong."""
    if "application/json" in request.headers.get("accept", ""):
        return said({"error": what, "next": next_step}, status)
    return page(request, "problem_signing_in.html", status=status, what=what, next_step=next_step)


def opened(doors: Doors, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return *handler* as a route that tells its errors in words and never shows a secret."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(doors, request)
        except HemostatError as error:
            status = 503 if error.retryable else 403
            return problem(request, status, error.what, error.next_step)
        except ClientDisconnect:
            return problem(request, 408, "the browser went away", "load the page anew.")
        except Exception:  # noqa: BLE001 - whatever it is, nobody is signed in by it
            _log.exception("a page of signing in failed: %s", ascii(request.scope["path"])[:200])
            return problem(request, 503, "signing in failed", "try again; see the gateway's log.")

    return answer


async def serve_asset(request: Request) -> Response:
    """Serve the styles and the script of these pages."""
    file = _ASSETS.get(request.path_params["name"])
    if file is None:
        return Response(status_code=404)
    return FileResponse(file, headers={"X-Content-Type-Options": "nosniff"})
