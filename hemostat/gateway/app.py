"""The gateway's HTTP surface: alerts in, people signed in, with the console beside them.

What machines ask is answered in JSON, within 3 s, and never with 500. An error says ``{"error",
"where", "next"}``. 4xx means that sending the same again is pointless, 503 that it is not:
Alertmanager, PagerDuty and the like retry 5xx and drop 4xx.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hemostat.console.doors import problem
from hemostat.gateway.alerts import AlertsIn, Unverified
from hemostat.gateway.channels_in import ChannelsIn, NoSuchChannel
from hemostat.gateway.incident_signal import IncidentSignals, NotAccepted
from hemostat.gateway.intake import Intake
from hemostat.gateway.measures import Measures, NotFromHere
from hemostat.gateway.one_look import OneLook
from hemostat.gateway.proxies import BehindProxies
from hemostat.identity.desk import Identity
from hemostat.identity.routes import KeepsSessions
from hemostat.identity.routes import routes as routes_of_identity
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.errors import BadInput, HemostatError

_BODY_WITHIN_SECONDS: Final = 2.0
_DISCARDED_BYTES: Final = 4 * 1024 * 1024
_RETRY_AFTER_SECONDS: Final = 5

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def gateway_app(
    settings: Settings,
    signals: IncidentSignals,
    vault: Vault,
    beside: Sequence[BaseRoute] = (),
    identity: Identity | None = None,
) -> Starlette:
    """Return the ASGI app; raises ``ConfigurationError`` for a source that cannot be served.

    *beside* are the routes of what is served with it, such as the console; with *identity* people
    can sign in, and their sessions are kept alive on every page.
    """
    alerts = AlertsIn(settings, Intake(signals), vault)
    measures = Measures(settings, signals.connected)

    async def post_alerts(request: Request) -> Response:
        began = time.monotonic()
        try:
            name, accepted = await take_alerts(request)
        except Exception:
            measures.refused()
            raise
        measures.took(name, accepted, time.monotonic() - began)
        return JSONResponse({"incidents": accepted}, status_code=202)

    async def take_alerts(request: Request) -> tuple[str, list[dict[str, str | int]]]:
        name = request.path_params["source"]
        source = alerts.source(name)
        if source is None:
            raise _NoSuchSource(
                "there is no such source", where="path", next_step="see [sources] in hemostat.toml."
            )
        now, signed, headers = datetime.now(UTC), source.signed, request.headers
        auth = source.verify(headers.get("authorization")) if source.has_token else None
        body = await _body(request, source.max_body)
        if auth is None or signed:
            auth = source.verify_signed(headers, body, now)
        if signed and signed.was_taken(headers, body):
            return source.name, []
        media_type = headers.get("content-type", "")[:100]
        accepted = await alerts.accept(
            source, body, media_type, auth=auth, received_at=now, headers=headers
        )
        if signed:
            signed.spend(headers, body, now)
        return source.name, accepted

    key = identity.key if identity else None
    channels = ChannelsIn(settings, signals, alerts, body=_body, guarded=_never_500, key=key)

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    ready = OneLook(partial(_temporal_answers, signals), good_for=0)  # whoever asks

    async def readyz(request: Request) -> Response:
        await ready()
        # A sealer that is down makes nobody's alert wait: it is told, and refuses nothing.
        return JSONResponse({"status": "ready", "sealing": measures.sealing()})

    app = Starlette(
        routes=[
            Route("/alerts/{source}", _never_500(post_alerts), methods=["POST"]),
            *channels.routes(),
            Route("/healthz", healthz),
            Route("/readyz", _never_500(readyz)),
            Route("/metrics", _never_500(measures.show)),
            *(routes_of_identity(identity) if identity else ()),
            *beside,
        ],
        middleware=[
            Middleware(BehindProxies, trusted=settings.gateway.trusted_proxies),
            *([Middleware(KeepsSessions, identity=identity)] if identity else ()),
        ],
        exception_handlers={HTTPException: _told_as_a_page if identity else _http_error},
    )
    app.router.redirect_slashes = False  # it would lead to whatever host the sender named
    return app


async def _temporal_answers(signals: IncidentSignals) -> None:
    await signals.ready()


class _NoSuchSource(BadInput):
    """Nothing in hemostat.toml has this name."""


class _TooLarge(BadInput):
    """The body is larger than the source may send."""


class _TooSlow(BadInput):
    """The body did not arrive in time."""


_STATUS: Final[tuple[tuple[type[HemostatError], int], ...]] = (
    (Unverified, 401),
    (_NoSuchSource, 404),
    (NoSuchChannel, 404),
    (NotFromHere, 404),
    (_TooLarge, 413),
    (_TooSlow, 408),
    (BadInput, 400),
    (NotAccepted, 503),
)


async def _body(request: Request, limit: int) -> bytes:
    """Return the raw bytes; stops reading as soon as they exceed *limit*."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_WITHIN_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _TooLarge(
                        f"the body exceeds {limit} bytes", where="body", next_step=_SPLIT
                    )
                chunks.append(chunk)
    except TimeoutError as error:
        raise _TooSlow(
            "the body did not arrive in time", where="body", next_step="send it again."
        ) from error
    return b"".join(chunks)


_SPLIT: Final = "send fewer alerts at once, or raise max_body of the source."


async def _discard(request: Request) -> None:
    """Read on without keeping anything, within bounds.

    A sender that is cut off while it still sends sees a broken connection, not our answer.
    """
    size = 0
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):  # RuntimeError: read to its end
        async with asyncio.timeout(_BODY_WITHIN_SECONDS / 2):
            async for chunk in request.stream():
                size += len(chunk)
                if size > _DISCARDED_BYTES:
                    return


def _never_500(handler: Handler) -> Handler:
    """Turn whatever *handler* raises into an answer that tells the sender what to do."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return _error(408, "the sender went away", "body", "send it again.")
        except HemostatError as error:
            status = next((status for kind, status in _STATUS if isinstance(error, kind)), 503)
            await _discard(request)
            if status == 503:
                _log.warning("a request was not accepted: %s", error)
            return _error(status, error.what, error.where, error.next_step)
        except Exception:  # noqa: BLE001 - whatever it is, the sender must hear "again", not 500
            _log.exception("a request failed: %s", ascii(request.scope["path"])[:200])
            return _error(503, "the gateway failed", "gateway", "send it again; see its log.")

    return answer


async def _told_as_a_page(request: Request, error: Exception) -> Response:
    """As ``_http_error``, and in words for who came with a browser to an address that is none."""
    status = error.status_code if isinstance(error, HTTPException) else 503
    if status == 404 and "text/html" in request.headers.get("accept", ""):
        return problem(request, None, status, _NO_SUCH_PAGE)
    return await _http_error(request, error)


_NO_SUCH_PAGE: Final = HemostatError(
    "there is no such page", next_step="the address may be cut off: begin at one of these."
)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses: no such path, wrong method."""
    status = error.status_code if isinstance(error, HTTPException) else 503
    what = {404: "there is nothing at this path", 405: "the method is not allowed here"}
    return _error(status, what.get(status, "refused"), "path", "POST /alerts/{source}.")


def _error(status: int, what: str, where: str, next_step: str) -> JSONResponse:
    headers = {}
    if status == 503:
        headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (401, 404, 408, 413):
        headers["Connection"] = "close"  # there may be more of it than we read
    content = {"error": what, "where": where, "next": next_step}
    return JSONResponse(content, status_code=status, headers=headers)
