"""How the moderation service reads requests and says no: ``{"error": ...}`` with its status.

Law: whatever a client sends, the answer has a proper status; a 500 is a bug. The admin token is
compared in constant time and never repeated.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hemostat.drill.range.moderation.images import BadPicture
from hemostat.drill.range.moderation.store import timestamp

Handler = Callable[[Request], Awaitable[Response]]

_MOST: Final = 1_000_000


class BadRequest(Exception):
    """The request is not what this endpoint takes; the message says why."""


class NotThere(Exception):
    """What was asked about does not exist."""


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body."""
    try:
        body = json.loads(await content_of(request))
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


async def content_of(request: Request) -> bytes:
    """The body's bytes, bounded."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _MOST:
            raise BadRequest(f"more than {_MOST} bytes")
    return bytes(read)


def text(body: dict[str, Any], name: str) -> str:
    """The non-empty string *name*."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise BadRequest(f"{name}: expected a string of 1 to 200 characters")
    return value


def texts(body: dict[str, Any], name: str) -> list[str]:
    """The list of strings *name*."""
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"{name}: expected a list of strings")
    return value


def moment(given: Any, name: str) -> str:
    """An ISO 8601 time with its offset, as the store keeps it."""
    try:
        read = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise BadRequest(f"{name}: expected a time") from error
    return timestamp(read if read.tzinfo else read.replace(tzinfo=UTC))


def admin_only(token: str, handler: Handler) -> Handler:
    """*handler*, for bearers of *token*."""
    expected = f"Bearer {token}".encode()

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            return refused("an admin token is needed", 401)
        return await handler(request)

    return guarded


def refused(what: str, status: int) -> JSONResponse:
    """The one shape of every refusal."""
    return JSONResponse({"error": what}, status_code=status)


EXPECTED: Final = (BadRequest, BadPicture, NotThere, HTTPException)


async def on_error(_: Request, error: Exception) -> Response:
    """The status that belongs to *error*."""
    match error:
        case BadRequest() | BadPicture():
            return refused(str(error), 400)
        case NotThere():
            return refused(str(error), 404)
        case HTTPException(status_code=status):
            return refused({404: "not found", 405: "wrong method"}.get(status, "no"), status)
        case _:
            return refused(type(error).__name__, 500)
