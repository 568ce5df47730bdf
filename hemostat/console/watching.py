"""Server-sent events: that something changed, so that an open page asks for itself again."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hemostat.console.doors import Console
from hemostat.console.feed import LIST
from hemostat.console.pages import HEADERS
from schemas.who import Who

_STILL_THERE_SECONDS: Final = 15.0
_AGAIN_MILLISECONDS: Final = 1000
_CHANGE: Final = "event: change\ndata: {}\n\n"
_AT_MOST_SECONDS: Final = 3600.0
"""A page that stays open longer connects anew, and is authenticated anew."""


async def incident_events(console: Console, request: Request, who: Who) -> Response:
    """Tell of every change of one incident that this person may see."""
    incident = request.path_params["incident"]
    await console.desk.admit(who, incident, "watch")
    return _stream(console.feed.changes(incident))


async def list_events(console: Console, request: Request, who: Who) -> Response:
    """Tell of every change of the list."""
    return _stream(console.feed.changes(LIST))


async def drill_events(console: Console, request: Request, who: Who) -> Response:
    """Tell of every line that a drill says."""
    if console.drills is None:
        return Response(status_code=204, headers=dict(HEADERS))
    return _stream(console.drills.changes())


def _stream(changes: AsyncGenerator[None]) -> Response:
    headers = {**HEADERS, "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(changes), media_type="text/event-stream", headers=headers)


async def _events(changes: AsyncGenerator[None]) -> AsyncIterator[str]:
    # The first one at once: something may have changed since the page was made.
    yield f"retry: {_AGAIN_MILLISECONDS}\n{_CHANGE}"
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + _AT_MOST_SECONDS
    following: asyncio.Task[None] | None = None
    async with aclosing(changes):
        try:
            while loop.time() < ends_at:
                following = following or asyncio.create_task(_next(changes))
                done, _ = await asyncio.wait({following}, timeout=_STILL_THERE_SECONDS)
                if done:
                    following.result()
                    following = None
                yield _CHANGE if done else ": still there\n\n"
        finally:
            if following is not None:
                following.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await following


async def _next(changes: AsyncGenerator[None]) -> None:
    await anext(changes)
