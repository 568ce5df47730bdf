"""What a person wrote into a form is never lost, whatever keeps it from being heard.

Where nobody answers, they asked too much at once, or their session is over, the page gives back what
was sent, to send it again under the same key: should it have arrived, it counts once. Only what one
of our own pages sent comes back; what another site made a browser send is never shown.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console.doors import Console, Page, from_our_page, guarded, problem, to_login
from hemostat.console.pages import page
from hemostat.forms import form_of
from schemas.errors import HemostatError
from schemas.who import Who

PROVE_AGAIN: Final = "Your proof of who you are has grown old. Prove it again in another tab, then send this as it is."
"""Said with a form whose writer proved who they are, too long ago by now."""

_FIELDS: Final = 40
_LARGEST: Final = 512 * 1024
"""Bytes: a text of 20,000 characters, each of four bytes, each byte written as three."""
_WRITTEN: Final = ("text", "value", "reference", "evidence", "person", "own_reason", "reason")
"""Fields of a person's own words, which are shown again even where the form is there no more."""
_NOT_OURS: Final = "This form is too old, or was not sent from this page. Write it again."
_NEW_SIGN_IN: Final = "You have signed in anew since. Look at it once more, then send it."


async def written(request: Request) -> dict[str, str]:
    """Return what the form that was sent has in its fields."""
    return await form_of(request, most=_LARGEST, fields=_FIELDS)


def in_words(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what of *given* a person said or chose in words, to be shown to them again."""
    return [(name, text) for name, text in given.items() if name in _WRITTEN and text.strip()]


async def not_heard(
    console: Console, request: Request, who: Who, given: Mapping[str, str]
) -> str | None:
    """Return why nothing of a form is looked at; None if it is."""
    if await console.guard.refuses(request, given.get("csrf", "")):
        return _NEW_SIGN_IN if from_our_page(request) else _NOT_OURS
    return None if who.kind == "person" else "Only people speak to an incident; you can read here."


def posted(console: Console, take: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return *take* for those who are authenticated; where it fails, what was written comes back."""
    return guarded(console, take, signed_out, partial(_not_taken, console))


async def _not_taken(
    console: Console, request: Request, who: Who, status: int, error: HemostatError
) -> Response:
    """Say why, with what was sent; what is not there for them, and what is not ours, is only told."""
    told = problem(request, who, status, error)
    if status == 404:
        return told
    given = await written(request)
    ours = from_our_page(request)
    if not ours and await console.guard.refuses(request, given.get("csrf", "")):
        return told
    says = f"{error.what[:1].upper()}{error.what[1:]}"
    answer = _given_back(
        request,
        who,
        given,
        status=status,
        title=says if status == 429 else "It cannot be said right now",
        tells=f"Nothing was sent; {error.next_step}" if status == 429 else f"{says}.",
        button="Try again",
    )
    if "retry-after" in told.headers:
        answer.headers["Retry-After"] = told.headers["retry-after"]
    return answer


async def signed_out(request: Request) -> Response:
    """Give back what somebody wrote whose session ended meanwhile; sends others to the login page."""
    if not from_our_page(request):
        return to_login(request)
    given = await written(request)
    given.pop("csrf", None)  # of the session that is over
    return _given_back(
        request,
        None,
        given,
        status=401,
        title="Your session has ended",
        tells="Nothing was sent.",
        login=f"/login?next={quote(request.url.path)}",
        button="I have signed in: go on",
    )


def _given_back(
    request: Request,
    who: Who | None,
    given: Mapping[str, str],
    *,
    status: int,
    title: str,
    tells: str,
    button: str,
    login: str | None = None,
) -> Response:
    return page(
        request,
        "kept.html",
        who,
        status=status,
        title=title,
        tells=tells,
        login=login,
        button=button,
        sent=given.items(),
        choice=given.get("choice"),
        left=in_words(given),
    )
