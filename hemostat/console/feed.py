"""What changes, told to whoever watches: one look for all watchers of the same thing.

A watcher is told *that* something changed, never what: the page asks again as the person it is,
so that nothing is told to who may not see it.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from temporalio.client import Client

from hemostat import incidents
from schemas.errors import HemostatError

LOOK_EVERY_SECONDS: Final = 0.35
LIST: Final = ""
"""The name of the list of incidents; anything else is an incident."""


@dataclass
class _Watched:
    """One thing that is looked at, and who is told."""

    mark: str = ""
    watchers: set[asyncio.Event] = field(default_factory=set)
    looking: asyncio.Task[None] | None = None


class Feed:
    """The looks of one process; they end with their last watcher."""

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        self._connect = connect
        self._watched: dict[str, _Watched] = {}

    async def changes(self, name: str) -> AsyncGenerator[None]:
        """Yield whenever *name* has changed since the last time."""
        watched = self._watched.setdefault(name, _Watched())
        changed = asyncio.Event()
        watched.watchers.add(changed)
        if watched.looking is None:
            watched.looking = asyncio.create_task(self._look(name, watched))
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield
        finally:
            watched.watchers.discard(changed)
            if not watched.watchers:
                watched.looking.cancel()
                self._watched.pop(name, None)

    async def _look(self, name: str, watched: _Watched) -> None:
        while True:
            with suppress(HemostatError):
                mark = await self._mark(name)
                if watched.mark and mark != watched.mark:
                    for watcher in watched.watchers:
                        watcher.set()
                watched.mark = mark
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _mark(self, name: str) -> str:
        """Something short that differs when anything of *name* does."""
        client = await self._connect()
        if name != LIST:
            seen = await incidents.view(client, name)
            return hashlib.sha256(seen.model_dump_json().encode()).hexdigest()
        rows = await incidents.list_incidents(client, limit=100)
        # Not even that something of a restricted one changed is told to everybody.
        listed = "\n".join(row.model_dump_json() for row in rows if not row.restricted)
        return hashlib.sha256(listed.encode()).hexdigest()
