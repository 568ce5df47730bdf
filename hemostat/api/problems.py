"""Errors as problem documents (RFC 9457); nothing that was sent is ever in them."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field, ValidationError
from starlette.responses import Response

from hemostat.desk.limits import AskedTooMuch
from hemostat.desk.listing import NoSuchPlace
from hemostat.desk.said import Answer, Taken
from hemostat.incidents import NoSuchIncident
from hemostat.speaking import MayNotSpeak
from schemas.base import Frozen
from schemas.errors import BadInput, HemostatError, NotHeld

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""On every answer: should a browser take one for a page, it runs and loads nothing."""

TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad-request", "The request cannot be understood"),
    401: ("unauthenticated", "Who asks is not known"),
    403: ("not-yours", "This is not yours to do"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The method is not allowed here"),
    409: ("refused", "It was not taken"),
    413: ("too-large", "The body is too large"),
    415: ("not-json", "The body is not JSON"),
    422: ("invalid", "The request does not say what it must"),
    429: ("too-many-requests", "Too many requests"),
    503: ("unavailable", "It cannot be done now"),
}


class Wrong(Frozen):
    """One field that is wrong, and how; never what it held."""

    where: str
    what: str


class Problem(Frozen):
    """What was wrong, where, and what to do next."""

    type: str = Field(examples=["urn:hemostat:problem:not-found"])
    title: str
    status: int
    detail: str
    where: str = ""
    next: str = ""
    errors: tuple[Wrong, ...] = ()
    answer: Answer | None = None
    """What became of what was said, where the incident refused it."""


class Rejected(Exception):
    """Leaves a handler with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        where: str = "",
        next_step: str = "",
        errors: tuple[Wrong, ...] = (),
        answer: Answer | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        kind, title = TITLES[status]
        self.retry_after = retry_after
        self.problem = Problem(
            type=f"urn:hemostat:problem:{kind}",
            title=title,
            status=status,
            detail=detail,
            where=where,
            next=next_step,
            errors=errors,
            answer=answer,
        )

    def response(self) -> Response:
        """Return it as an answer."""
        status = self.problem.status
        headers = dict(HEADERS)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="hemostat"'
        unsaid = {"answer"} if self.problem.answer is None else None
        content = self.problem.model_dump_json(exclude=unsaid)
        return Response(content, status, headers, MEDIA_TYPE)


def rejected_by(error: HemostatError) -> Rejected:
    """Return the problem that one of our errors is."""
    where, next_step = error.where, error.next_step
    if isinstance(error, NoSuchIncident):
        # The same words for what never was and for what this caller must not see.
        return Rejected(404, "there is no such incident", where="incident", next_step=next_step)
    if isinstance(error, AskedTooMuch):
        return Rejected(429, error.what, next_step=next_step, retry_after=error.retry_after)
    if isinstance(error, MayNotSpeak):
        return Rejected(403, error.what, next_step=next_step)
    if isinstance(error, NotHeld):
        return Rejected(404, error.what, next_step=next_step)
    if isinstance(error, NoSuchPlace):
        return Rejected(404, error.what, where=where, next_step=next_step)
    if isinstance(error, BadInput):
        return Rejected(409, error.what, where=where, next_step=next_step)
    return Rejected(503, error.what, next_step=next_step, retry_after=RETRY_AFTER_SECONDS)


_STATUS: Final = {
    Taken.TOO_LATE: 409,
    Taken.ALREADY_DECIDED: 409,
    Taken.REFUSED: 409,
    Taken.NOT_YOURS: 403,
}


def status_of(answer: Answer) -> int:
    """Return 200 for what counted, 202 for what was not looked at yet; raise for a refusal."""
    status = _STATUS.get(answer.taken)
    if status is not None:
        raise Rejected(status, answer.says, answer=answer)
    return 202 if answer.taken is Taken.NOT_LOOKED_AT else 200


def invalid(error: ValidationError, place: str) -> Rejected:
    """Return the problem that a wrong body or query is; unknown fields are not repeated."""
    errors = tuple(
        Wrong(where=_where(place, found["loc"], found["type"]), what=_what(found["type"]))
        for found in error.errors(include_input=False, include_url=False)[:20]
    )
    if any(found.what == "json_invalid" for found in errors):
        return Rejected(400, "the body is no JSON", where=place, next_step="send one JSON object.")
    return Rejected(
        422,
        "something is missing or wrong",
        where=place,
        next_step="see errors, and /api/v1/openapi.json.",
        errors=errors,
    )


def _where(place: str, path: tuple[int | str, ...], kind: str) -> str:
    known = path[:-1] if kind == "extra_forbidden" else path
    # Names of fields are ours; keys within free objects are the sender's, and those are left out.
    named = [str(part) for part in known if isinstance(part, int) or part.isidentifier()]
    return ".".join([place, *named[:4]])[:100]


def _what(kind: str) -> str:
    return "not known here" if kind == "extra_forbidden" else kind
