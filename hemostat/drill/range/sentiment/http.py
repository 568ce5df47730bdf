"""How the sentiment service reads requests and says no: JSON in, ``{"error": ...}`` out.

Law: whatever a client sends, the answer has a proper status and says what was wrong; a 500 is a
bug. The admin token is compared in constant time and never repeated.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeGuard

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hemostat.drill.range.sentiment.registry import RegistryError

Handler = Callable[[Request], Awaitable[Response]]

_MAX_BODY_BYTES: Final = 1_000_000
_LONGEST_TEXT: Final = 2000


class BadRequest(Exception):
    """The request is not what this endpoint takes; the message says why."""


class TooLarge(Exception):
    """The body is larger than anything this service takes."""


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises :class:`BadRequest`, :class:`TooLarge`."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _MAX_BODY_BYTES:
            raise TooLarge(f"more than {_MAX_BODY_BYTES} bytes")
    try:
        body = json.loads(bytes(read))
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def text_field(body: dict[str, Any], name: str, *, longest: int = _LONGEST_TEXT) -> str:
    """The non-empty string ``name`` of ``body``."""
    value = body.get(name)
    if not _is_text(value, longest) or not value:
        raise BadRequest(f"{name}: expected a string of 1 to {longest} characters")
    return value


def texts_field(body: dict[str, Any], name: str, *, most: int = 1000) -> list[str]:
    """The list of strings ``name`` of ``body``."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise BadRequest(f"{name}: expected a list of at most {most} strings")
    if not all(_is_text(item, _LONGEST_TEXT) for item in value):
        raise BadRequest(f"{name}: expected strings of at most {_LONGEST_TEXT} characters")
    return value


def number_query(request: Request, name: str, default: int, most: int) -> int:
    """The query parameter ``name`` as a number from 0 to ``most``."""
    given = request.query_params.get(name, str(default))
    if not given.isdecimal() or not given.isascii():
        raise BadRequest(f"{name}: expected a number")
    return min(int(given[:12]), most)


def admin_only(token: str, handler: Handler) -> Handler:
    """``handler``, for bearers of ``token``."""
    expected = f"Bearer {token}".encode()

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            return error_answer("an admin token is needed", 401)
        return await handler(request)

    return guarded


def _is_text(value: object, longest: int) -> TypeGuard[str]:
    if not isinstance(value, str) or len(value) > longest:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON allows it, UTF-8 does not
        return False
    return True


def error_answer(what: str, status: int) -> JSONResponse:
    """The one shape of every refusal."""
    return JSONResponse({"error": what}, status_code=status)


EXPECTED: Final = (BadRequest, TooLarge, RegistryError, HTTPException)
"""What a handler may raise; anything else is a bug, and is logged with its trace."""


async def on_error(_: Request, error: Exception) -> Response:
    """The status that belongs to ``error``."""
    match error:
        case BadRequest():
            return error_answer(str(error), 400)
        case TooLarge():
            return error_answer(str(error), 413)
        case RegistryError(status=404):
            return error_answer("the registry has no such version", 404)
        case RegistryError():
            return error_answer("the model registry did not answer", 503)
        case HTTPException(status_code=status):
            return error_answer({404: "not found", 405: "wrong method"}.get(status, "no"), status)
        case _:
            return error_answer(type(error).__name__, 500)
