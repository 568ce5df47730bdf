"""What every page of the console needs and owes: who asks, and words for failure.

Law: nothing is read for nobody. Without authentication a page sends to ``/login``; a form that was
not sent from one of our own pages is refused; a redirect leads to a path of this server.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hemostat.console.book import Book
from hemostat.console.drills import Drills
from hemostat.console.pages import HEADERS, page
from hemostat.console.papers import Papers
from hemostat.console.reading import Reading
from hemostat.desk.limits import AskedTooMuch, Limit, caller_of
from hemostat.desk.places import Places
from hemostat.incidents.live import Live
from schemas.errors import BadInput, HemostatError
from schemas.who import Who

Authenticate = Callable[[Request], Awaitable[Who | None]]
Findings = Callable[[], Awaitable[tuple[list[HemostatError], list[str]]]]
"""What is wrong and what is fine, as ``hemostat check`` finds it."""

_log = logging.getLogger(__name__)


class Guard(Protocol):
    """What protects forms and grave decisions; whoever authenticates provides it."""

    def token(self, request: Request) -> str:
        """Return what a form of this person has to carry."""

    async def refuses(self, request: Request, token: str) -> bool:
        """Whether a form that carries *token* was not sent from our own page."""

    def step_up(self, request: Request, who: Who, back: str) -> str | None:
        """Return where to prove again who decides; None if that was proven just now."""


@dataclass(frozen=True)
class Console:
    """What the pages need of the rest of the house."""

    desk: Reading
    live: Live
    authenticate: Authenticate
    guard: Guard
    books: tuple[Book, ...] = ()
    findings: Findings | None = None
    drills: Drills | None = None
    break_glass: tuple[str, ...] = ()
    """Who may decide alone once the glass is broken."""
    places: Places = field(default_factory=Places)
    limit: Limit | None = None
    """How often one person may ask for a page; None: as often as they like."""
    people: frozenset[str] = frozenset()
    """Whom hemostat.toml knows."""
    papers: Papers | None = None

    def title(self, playbook: str) -> str:
        """Return the title of a playbook, its id if the code is not here."""
        return next((book.title for book in self.books if book.id == playbook), playbook)


Page = Callable[[Console, Request, Who], Awaitable[Response]]
Nobody = Callable[[Request], Awaitable[Response]]
Failed = Callable[[Request, Who, int, HemostatError], Awaitable[Response]]
"""Returns the page that tells what failed, with which status."""

_GONE: Final = 404
_AGAIN_SECONDS: Final = 5
_FAILED: Final = HemostatError(
    "this page failed",
    next_step="Load it again; `hemostat show` and `hemostat decide` do the same.",
)


async def _told(request: Request, who: Who, status: int, error: HemostatError) -> Response:
    return problem(request, who, status, error)


def guarded(
    console: Console, show: Page, nobody: Nobody | None = None, failed: Failed = _told
) -> Callable[[Request], Awaitable[Response]]:
    """Return *show* for those who are authenticated; what fails is told in words, by *failed*.

    Others are sent to the login page, or get what *nobody* answers.
    """

    async def answer(request: Request) -> Response:
        who = await console.authenticate(request)
        if who is None:
            return await nobody(request) if nobody else to_login(request)
        try:
            _count(console, who)
            return await show(console, request, who)
        except BadInput as error:
            return await failed(request, who, _GONE, error)
        except AskedTooMuch as error:
            return await failed(request, who, 429, error)
        except HemostatError as error:
            return await failed(request, who, 503, error)
        except Exception:  # noqa: BLE001 - a person at night is told in words, whatever it was
            _log.exception("a page failed: %s", ascii(request.url.path)[:200])
            return await failed(request, who, 500, _FAILED)

    return answer


def _count(console: Console, who: Who) -> None:
    wait = console.limit.wait(caller_of(who)) if console.limit else None
    if wait is not None:
        error = AskedTooMuch("you ask too much at once", next_step=f"ask again in {wait} s.")
        error.retry_after = wait
        raise error


def problem(request: Request, who: Who | None, status: int, error: HemostatError) -> Response:
    """Return a page that says what was wrong and what to do."""
    what = f"{error.what[:1].upper()}{error.what[1:]}"
    told = page(request, "problem.html", who, status=status, what=what, next_step=error.next_step)
    if isinstance(error, AskedTooMuch):
        told.headers["Retry-After"] = str(error.retry_after)
    elif status == 503:
        told.headers["Retry-After"] = str(_AGAIN_SECONDS)
    return told


def to_login(request: Request) -> Response:
    """Send to the login page, and from there back here; where a form is taken it is shown as well.

    A script of an open page is told 401: it would only follow to a sign-in that nobody sees, and
    get in the way of one that somebody is about to do.
    """
    if request.headers.get("sec-fetch-dest") == "empty":
        return Response(status_code=401, headers=dict(HEADERS))
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = here if request.method == "GET" else request.url.path
    return RedirectResponse(f"/login?next={quote(back)}", 303, headers=dict(HEADERS))


def from_our_page(request: Request) -> bool:
    """Whether the browser itself says that a page of ours sent this; no page can say it falsely."""
    return request.headers.get("sec-fetch-site") == "same-origin"


def local(path: str, otherwise: str = "/incidents") -> str:
    """Return *path* if it is one of this server's own, else *otherwise*."""
    parts = urlsplit(path)
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    own = plain and not parts.scheme and not parts.netloc and "\\" not in path
    return path if own else otherwise


def seen_other(path: str) -> Response:
    """Send to *path* after a form was taken."""
    return RedirectResponse(local(path), 303, headers=dict(HEADERS))
