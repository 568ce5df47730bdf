"""Live: what happens to one incident, and what changes in the list, as server-sent events.

One incident's stream leaves out no entry: a watcher that was away says by ``Last-Event-ID`` which
it saw last. It ends when the watcher may not see the incident any more, within seconds when they
are signed out or have other roles, and after an hour.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Final

from hemostat import incidents
from hemostat.api.call import Call
from hemostat.api.problems import HEADERS
from hemostat.desk.places import LiveStream
from hemostat.desk.watching import StillThere
from hemostat.incidents.live import AtOnce, Told, event_text, standing
from schemas.errors import HemostatError

STILL_THERE_SECONDS: Final = 15.0
AT_MOST_SECONDS: Final = 3600.0
_AGAIN_MILLISECONDS: Final = 1000


async def list_events(call: Call) -> LiveStream:
    """Stream what changes in the list, for what this caller may see of it."""

    async def events() -> AsyncIterator[str]:
        yield f"retry: {_AGAIN_MILLISECONDS}\n\n"
        async for told in _patiently(call.api.live.list(), still_there(call)):
            if told is None:
                yield ": still there\n\n"
            elif told.row is None or await _may_see(call, told):
                yield told.text

    return _stream(call, events())


async def incident_events(call: Call) -> LiveStream:
    """Stream what happens to one incident; first where it stands now."""
    await call.desk.admit(call.who, call.incident, "watch")
    return _stream(call, _Watching(call).events())


class _Watching:
    """One watcher of one incident; ``have`` is how many entries of the journal they have."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.have = 0

    async def events(self) -> AsyncIterator[str]:
        """Yield the stream until it ends."""
        call = self._call
        yield f"retry: {_AGAIN_MILLISECONDS}\n\n"
        feed = call.api.live.incident(call.incident)
        async with aclosing(_patiently(feed, still_there(call))) as following:
            first = asyncio.ensure_future(anext(following))
            try:
                await asyncio.sleep(0)  # it is followed from here on: nothing falls in between
                async for text in self._so_far():
                    yield text
                told = await first
            except (HemostatError, StopAsyncIteration):
                return
            finally:
                first.cancel()
            while told is None or await _may_see(call, told):
                async for text in self._told(told):
                    yield text
                try:
                    told = await anext(following)
                except StopAsyncIteration:
                    return

    async def _so_far(self) -> AsyncIterator[str]:
        client, call = await self._call.desk.client(), self._call
        seen = await incidents.view(client, call.incident)
        row = await call.desk.row(call.who, call.incident)
        last = _last_seen(call)
        self.have = seen.journal_length
        if last is not None and last + 1 < self.have:
            self.have = last + 1
            async for text in self._missing():
                yield text
        yield event_text("incident", standing(seen, is_open=row.open).model_dump_json())

    async def _told(self, told: Told | None) -> AsyncIterator[str]:
        """Yield *told* after what is missing before it; what they have already is left out."""
        if told is None:
            yield ": still there\n\n"
            return
        length, is_entry = told.length or 0, told.text.startswith("id: ")
        if is_entry and length == self.have + 1:
            self.have = length
            yield told.text
            return
        if length > self.have:
            with suppress(HemostatError):
                async for text in self._missing():
                    yield text
        if not is_entry:
            yield told.text

    async def _missing(self) -> AsyncIterator[str]:
        client = await self._call.desk.client()
        for entry in await incidents.journal_from(client, self._call.incident, self.have):
            self.have = entry.seq + 1
            yield event_text("journal", entry.model_dump_json(), entry.seq)


async def _may_see(call: Call, told: Told) -> bool:
    if told.row is None:
        return True
    client = await call.desk.client()
    return bool(await call.desk.access.visible(client, call.who, [told.row]))


def still_there(call: Call) -> StillThere:
    """Return what tells whether this caller may go on watching."""
    return StillThere(call.api.authenticate, call.request, call.who)


async def _patiently(
    feed: AsyncGenerator[AtOnce], still: StillThere
) -> AsyncGenerator[Told | None]:
    """Yield what *feed* tells, None when it was silent for long; end after an hour, or before."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + AT_MOST_SECONDS
    coming: asyncio.Future[AtOnce] | None = None
    async with aclosing(feed):
        try:
            while loop.time() < ends_at:
                coming = coming or asyncio.ensure_future(anext(feed))
                done, _ = await asyncio.wait({coming}, timeout=STILL_THERE_SECONDS)
                if not await still():
                    return
                if not done:
                    yield None
                    continue
                at_once, coming = coming.result(), None
                for told in at_once:
                    yield told
        finally:
            if coming is not None:
                coming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await coming


def _last_seen(call: Call) -> int | None:
    given = call.request.headers.get("last-event-id", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None


def _stream(call: Call, events: AsyncIterator[str]) -> LiveStream:
    return LiveStream(events, call.api.places.take(call.who), HEADERS)
