"""The routes of the API: each request is counted, authenticated, understood, answered."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from hemostat.api.call import KEY, Api, Call, Operation
from hemostat.api.openapi import document
from hemostat.api.operations import OPERATIONS
from hemostat.api.problems import HEADERS, TITLES, Rejected, invalid, rejected_by, status_of
from hemostat.desk.limits import Limit, caller_of
from hemostat.desk.said import Answer
from hemostat.identity.throttle import asker
from schemas.base import Frozen
from schemas.canonical import canonical_json
from schemas.errors import HemostatError
from schemas.who import Who

PREFIX: Final = "/api/v1"
LARGEST_BODY: Final = 64 * 1024
_BODY_WITHIN_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def api_routes(api: Api, clock: Callable[[], float] = time.monotonic) -> list[Mount]:
    """Return the API under its version."""
    callers = Limit(api.per_second, api.burst, clock)
    strangers = Limit(api.per_second, api.burst, clock)
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    routes = [
        Route(path, _answers(api, operations, callers, strangers), methods=_ANY)
        for path, operations in by_path.items()
    ]
    reference = Route("/openapi.json", _reference, methods=["GET"])
    # Redirects would lead to whatever host the sender named.
    served = Router([reference, *routes], redirect_slashes=False, default=_nothing_here)
    return [Mount(PREFIX, app=served)]


_ANY: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]


async def _reference(request: Request) -> Response:
    return Response(canonical_json(document()), 200, dict(HEADERS), "application/json")


async def _nothing_here(scope: Any, receive: Any, send: Any) -> None:
    response = Rejected(
        404,
        "there is nothing at this path",
        where="path",
        next_step=f"{PREFIX}/openapi.json has every path.",
    ).response()
    await response(scope, receive, send)


def _answers(
    api: Api, operations: Mapping[str, Operation], callers: Limit, strangers: Limit
) -> Handler:
    """Return the handler of one path; whatever happens, the answer is a documented one."""

    async def answer(request: Request) -> Response:
        try:
            method = "GET" if request.method == "HEAD" else request.method
            if method not in operations:
                return _wrong_method(operations)
            who = await _who(api, request, callers, strangers)
            return await _done(api, operations[method], request, who)
        except Rejected as rejected:
            return rejected.response()
        except HemostatError as error:
            return rejected_by(error).response()
        except ClientDisconnect:
            return Rejected(400, "the sender went away", where="body").response()
        except HTTPException as error:
            status = error.status_code if error.status_code in TITLES else 400
            return Rejected(status, "refused").response()
        except Exception:  # noqa: BLE001 - whatever it is, the caller hears a documented answer
            _log.exception("an API request failed: %s", ascii(request.scope["path"])[:200])
            failed = "the gateway failed"
            return Rejected(503, failed, next_step="see its log.", retry_after=5).response()

    return answer


def _wrong_method(operations: Mapping[str, Operation]) -> Response:
    allowed = ", ".join(sorted(operations))
    response = Rejected(405, "the method is not allowed here", next_step=allowed).response()
    response.headers["Allow"] = allowed
    return response


async def _who(api: Api, request: Request, callers: Limit, strangers: Limit) -> Who:
    who = await api.authenticate(request)
    if who is None:
        _count(strangers, asker(request))
        raise Rejected(
            401, "who asks is not known", next_step="send a bearer token: `hemostat login`."
        )
    _count(callers, caller_of(who))
    return who


def _count(limit: Limit, caller: str) -> None:
    wait = limit.wait(caller)
    if wait is not None:
        raise Rejected(
            429, "too many requests", next_step="ask again after Retry-After.", retry_after=wait
        )


async def _done(api: Api, operation: Operation, request: Request, who: Who) -> Response:
    if operation.method == "POST" and not request.headers.get("authorization"):
        raise Rejected(
            401,
            "a browser's session alone does not speak here",
            next_step="send a bearer token, or decide on the console's page.",
        )
    call = Call(
        api=api,
        who=who,
        request=request,
        path=dict(request.path_params),
        query=_query(operation, request),
    )
    if operation.body is not None:
        raw = await _body(request)
        body = _understood(operation.body, raw)
        key = _key(request)
        call = Call(api, who, request, call.path, call.query, body, raw, key)
    result = await operation.handle(call)
    if isinstance(result, Response):
        return result
    status = status_of(result) if isinstance(result, Answer) else 200
    content = result.model_dump_json() if isinstance(result, Frozen) else "{}"
    headers = dict(HEADERS)
    if status == 202 and isinstance(result, Answer):
        headers["Location"] = f"{PREFIX}/incidents/{call.incident}/said/{result.id}"
    return Response(content, status, headers, "application/json")


def _query(operation: Operation, request: Request) -> Frozen:
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if len(names) != len(set(names)):
        raise Rejected(422, "a parameter is given more than once", where="query")
    try:
        return operation.query.model_validate(dict(given))
    except ValidationError as error:
        raise invalid(error, "query") from error


def _understood(model: type[Frozen], raw: bytes) -> Frozen:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error, "body") from error


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise Rejected(
            422,
            "an idempotency key is 1 to 200 printable characters without spaces",
            where="Idempotency-Key",
        )
    return key


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Rejected(415, "the body has to be application/json", where="Content-Type")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_WITHIN_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST_BODY:
                    raise Rejected(413, f"the body exceeds {LARGEST_BODY} bytes", where="body")
                chunks.append(chunk)
    except TimeoutError as error:
        raise Rejected(400, "the body did not arrive in time", where="body") from error
    return b"".join(chunks)
