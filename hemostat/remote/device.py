"""Signing a terminal in by the device flow (RFC 8628): its person says yes in their browser."""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import Field, ValidationError

from hemostat.remote.server import Server
from schemas.base import Frozen, Utc
from schemas.errors import BadInput, NotHeld, SystemUnreachable

M = TypeVar("M", bound=Frozen)

_SLOWER: Final = 5.0
"""Seconds more between two questions once the gateway says so (RFC 8628 §3.5)."""


class Offer(Frozen):
    """What the person is to be shown, and how long it holds, in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    """Never shown, whatever a gateway says: a code is typed by who started the terminal."""
    expires_in: float = Field(gt=0)
    interval: float = Field(default=5, ge=0)


class Lent(Frozen):
    """The token, and whose it is."""

    access_token: str
    token_type: str
    expires_at: Utc
    person: str


def lent_to_this_terminal(
    server: Server,
    show: Callable[[Offer], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Lent:
    """Ask for a code, have it shown, and wait for the answer in the browser.

    Raises ``NotHeld`` where the person refused, or did not answer in time.
    """
    status, body = server.form("/device/code", {})
    offer = _as(Offer, server, status, body)
    show(offer)
    wait, until = offer.interval, clock() + offer.expires_in
    while clock() < until:
        sleep(wait)
        try:
            status, body = server.form("/device/token", {"device_code": offer.device_code})
        except SystemUnreachable:
            continue
        error = body.get("error")
        if error == "slow_down":
            wait += _SLOWER
        elif error == "access_denied":
            raise NotHeld("it was refused in the browser", where=server.url)
        elif error == "expired_token":
            break
        elif error != "authorization_pending":
            return _as(Lent, server, status, body)
    raise NotHeld(
        "nobody answered in time", where=server.url, next_step=f"`hemostat login {server.url}`."
    )


def _as(model: type[M], server: Server, status: int, body: dict[str, Any]) -> M:
    if status == 429:
        raise SystemUnreachable(
            "too many terminals ask there now", where=server.url, next_step="try in some minutes."
        )
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise BadInput(
            f"nobody can sign in there from a terminal (status {status})",
            where=server.url,
            next_step="its hemostat.toml needs [identity].",
        ) from error
