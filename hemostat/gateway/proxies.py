"""Whose request it is that a proxy hands on: the nearest address that no trusted proxy has.

Each proxy adds the address that it was asked from to the end of ``X-Forwarded-For``. So the list is
believed from its end, and only as far as trusted proxies wrote it: whoever is not named in
``[gateway] trusted_proxies`` is a sender, whatever they say of others (RFC 7239 §8.1). The address
is for slowing down who guesses or asks too much; nobody is let in by it.
"""

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from hemostat.settings.addresses import Network, address_in

_FORWARDED: Final = b"x-forwarded-for"
_MOST: Final = 20
"""Proxies in a row that are looked at."""


class BehindProxies:
    """Middleware: a request that *trusted* proxies hand on has its sender's address."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        client = scope.get("client")
        if self._trusted and client:
            told = [value for name, value in scope["headers"] if name.lower() == _FORWARDED]
            sender = sender_of(client[0], told, self._trusted)
            scope = {**scope, "client": (sender, client[1])}
        await self._app(scope, receive, send)


def sender_of(peer: str, told: Sequence[bytes], trusted: Sequence[Network]) -> str:
    """Return the sender's address, given who is connected and the headers in their order.

    Where a trusted proxy names what is no address, it is the proxy's own.
    """
    hops = b",".join(told).decode("latin-1").split(",") if told else []
    nearest = peer
    for hop in reversed(hops[-_MOST:]):
        if not _is_trusted(nearest, trusted):
            break
        found = _address(hop.strip())
        if found is None:
            break
        nearest = found
    return nearest


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    found = address_in(address)
    return found is not None and any(found in network for network in trusted)


def _address(hop: str) -> str | None:
    """The address that a hop names, which some write with its port."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    found = address_in(hop)
    return str(found) if found else None
