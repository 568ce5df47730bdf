"""How a page becomes an answer: one escaping environment, one set of headers, fragments for live.

Law: autoescape is on for every template and every value that is printed goes through
``words.seen``, but for what a person typed, which goes back into their own field as they typed it
(``words.typed``, escaped). A page may load what this server offers and nothing else, run no inline script and
no inline style, be framed by nobody and be kept by no cache.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hemostat.console import words
from hemostat.incidents import clocks_shown
from schemas.who import Who

_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
CSP: Final = "; ".join(_POLICY)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Vary": "Cookie",
}
"""On every page; a restricted incident must not be found in a cache, so none of them may be."""

THEMES: Final = ("light", "dark")
THEME_COOKIE: Final = "hemostat-theme"
STATIC: Final[Mapping[str, str]] = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def _finalize(value: object) -> object:
    """Whatever a template prints: markup made by a template as it is, the rest made harmless."""
    if value is None:
        return ""
    return value if isinstance(value, Markup | int | float) else words.seen(value)


@cache
def environment() -> Environment:
    """Return the one environment of all pages."""
    made = Environment(
        loader=PackageLoader("hemostat.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in (
        "at",
        "clock_time",
        "machine",
        "plain",
        "round_span",
        "sentence",
        "short",
        "size",
        "span",
    ):
        made.filters[name] = getattr(words, name)
    made.filters["value"] = words.value
    made.filters["about"] = clocks_shown.about
    made.filters["addressed_to"] = clocks_shown.addressed_to
    made.filters["other_readings"] = clocks_shown.other_readings
    made.filters["typed"] = lambda text: escape(words.typed(text))
    made.globals["until"] = words.until
    made.globals["soon"] = words.soon
    made.globals["static"] = static_path
    return made


@cache
def static_file(name: str) -> bytes:
    """Return the bytes of one static file."""
    return resources.files("hemostat.console").joinpath("static", name).read_bytes()


@cache
def static_path(name: str) -> str:
    """Return where *name* is served; another content has another address.

    All lie beside each other, so that one script finds another: any other content of one moves all.
    """
    whole = hashlib.sha256(b"".join(hashlib.sha256(static_file(one)).digest() for one in STATIC))
    return f"/static/{whole.hexdigest()[:16]}/{name}"


def page(
    request: Request,
    template: str,
    who: Who | None,
    *,
    status: int = 200,
    **shown: Any,
) -> Response:
    """Return the page *template* with *shown*."""
    theme = request.cookies.get(THEME_COOKIE, "")
    text = (
        environment()
        .get_template(template)
        .render(
            who=who,
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            theme=theme if theme in THEMES else "",
            now=shown.pop("now", None) or datetime.now(UTC),
            **shown,
        )
    )
    return HTMLResponse(text, status_code=status, headers=dict(HEADERS))


async def serve_static(request: Request) -> Response:
    """Answer for a static file; its address is bound to its content, so it may be kept."""
    name = request.path_params["name"]
    if name not in STATIC or request.url.path != static_path(name):
        return Response(status_code=404, headers={"X-Content-Type-Options": "nosniff"})
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(static_file(name), media_type=STATIC[name], headers=headers)
