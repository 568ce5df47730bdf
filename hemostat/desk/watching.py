"""Whoever watches for long is looked at again: signed out, or with other roles, they watch no more.

A stream was let in once and lasts up to an hour; a session that is ended meanwhile, a token that is
given back and a role that is taken away end it within seconds. A browser that may still watch
connects anew by itself, as what it is then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request

from schemas.who import Who

LOOK_AGAIN_SECONDS: Final = 5.0


class StillThere:
    """Whether *who* is still who asks in *request*; looked at again every few seconds at most."""

    def __init__(
        self, authenticate: Callable[[Request], Awaitable[Who | None]], request: Request, who: Who
    ) -> None:
        self._authenticate = authenticate
        self._request = request
        self._who = _what_counts(who)
        self._look_at = asyncio.get_running_loop().time() + LOOK_AGAIN_SECONDS

    async def __call__(self) -> bool:
        """Whether they may go on watching."""
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return True
        self._look_at = now + LOOK_AGAIN_SECONDS
        who = await self._authenticate(self._request)
        return who is not None and _what_counts(who) == self._who


def _what_counts(who: Who) -> tuple[str, str, str, frozenset[str]]:
    return who.person, who.subject, who.kind, frozenset(who.roles)
