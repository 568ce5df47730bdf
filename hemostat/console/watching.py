"""Server-sent events: that something changed, so that an open page asks for itself again.

What is told is never what happened: the page asks again as the person it is. A change of an
incident that the person may not see is not told at all. Where many watch the same thing they are
told to ask again spread over some time, so that a crowd that hears of a change at one moment does
not stand at the door at one moment.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console.doors import Console
from hemostat.console.pages import HEADERS
from hemostat.desk.places import LiveStream, Place
from hemostat.desk.watching import StillThere
from hemostat.incidents.live import AtOnce, Told
from schemas.who import Who

_STILL_THERE_SECONDS: Final = 15.0
_AGAIN_MILLISECONDS: Final = 1000
_AT_MOST_SECONDS: Final = 3600.0
"""A page that stays open longer connects anew, and begins anew."""

FEW: Final = 20
"""Watchers of one thing who may all ask again at once."""
PAGES_PER_SECOND: Final = 25
"""How often a crowd asks again, all of them together."""

_Change = TypeVar("_Change")


async def incident_events(console: Console, request: Request, who: Who) -> Response:
    """Tell of every change of one incident, for as long as this person may see it."""
    incident = request.path_params["incident"]
    await console.desk.admit(who, incident, "watch")
    feed = console.live.incident(incident)
    still = StillThere(console.authenticate, request, who)
    seen = _seen(console, who, feed, of_one=True)
    place = console.places.take(who)
    return _stream(seen, lambda: console.live.watchers(incident), still, place)


async def list_events(console: Console, request: Request, who: Who) -> Response:
    """Tell of every change of the list."""
    feed = console.live.list()
    still = StillThere(console.authenticate, request, who)
    seen, place = _seen(console, who, feed, of_one=False), console.places.take(who)
    return _stream(seen, console.live.watchers, still, place)


async def drill_events(console: Console, request: Request, who: Who) -> Response:
    """Tell of every line that a drill says."""
    if console.drills is None:
        return Response(status_code=204, headers=dict(HEADERS))
    changes = console.drills.changes()
    still = StillThere(console.authenticate, request, who)
    return _stream(_nothing_of(changes), lambda: 0, still, console.places.take(who))


async def _seen(
    console: Console, who: Who, feed: AsyncGenerator[AtOnce], *, of_one: bool
) -> AsyncGenerator[Iterable[Told]]:
    """Yield of what *feed* tells that which *who* may see; one incident's ends with its sight."""
    async with aclosing(feed):
        async for told in feed:
            rows = {one.row.run_id: one.row for one in told if one.row is not None}
            seen = {row.run_id for row in await console.desk.visible(who, list(rows.values()))}
            if of_one and len(seen) < len(rows):
                return
            shown = [one for one in told if one.row is None or one.row.run_id in seen]
            if shown:
                yield shown


async def _nothing_of(changes: AsyncGenerator[None]) -> AsyncGenerator[Iterable[Told]]:
    async with aclosing(changes):
        async for _ in changes:
            yield ()


def change(told: Iterable[Told] = (), watchers: int = 0) -> str:
    """Return the event: which incidents, whether there is a new one, and the time to spread over.

    Without *told*, or where some of it was missed, it is anything that may have changed.
    """
    rows = [one.row for one in told]
    content: dict[str, object] = {}
    if rows and None not in rows:
        content["incidents"] = sorted({row.id for row in rows if row is not None})
        content["opened"] = any(one.opened for one in told)
    if watchers > FEW:
        content["spread"] = round(1000 * watchers / PAGES_PER_SECOND)
    return f"event: change\ndata: {json.dumps(content)}\n\n"


def _stream(
    changes: AsyncGenerator[Iterable[Told]],
    watchers: Callable[[], int],
    still: StillThere,
    place: Place,
) -> LiveStream:
    return LiveStream(_events(changes, watchers, still), place, HEADERS)


async def _events(
    changes: AsyncGenerator[Iterable[Told]], watchers: Callable[[], int], still: StillThere
) -> AsyncIterator[str]:
    # The first one at once: something may have changed since the page was made.
    yield f"retry: {_AGAIN_MILLISECONDS}\n{change(watchers=watchers())}"
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + _AT_MOST_SECONDS
    following: asyncio.Task[Iterable[Told]] | None = None
    async with aclosing(changes):
        try:
            while loop.time() < ends_at:
                following = following or asyncio.create_task(_next(changes))
                done, _ = await asyncio.wait({following}, timeout=_STILL_THERE_SECONDS)
                if not await still():
                    return
                if not done:
                    yield "event: still\ndata:\n\n"
                    continue
                try:
                    told = following.result()
                except StopAsyncIteration:
                    return
                following = None
                yield change(told, watchers())
        finally:
            if following is not None:
                following.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await following


async def _next(changes: AsyncGenerator[_Change]) -> _Change:
    return await anext(changes)
