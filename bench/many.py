"""Ten thousand incidents in the list: its first page, a filter, and its last page by cursors.

Those that are not open yet are started with the search attributes of an incident and end by a
time-out of the server, so no worker takes part: the list comes from Temporal alone.
"""

import asyncio
import re
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Final

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from bench.crowd import Crowd
from bench.latency import Progress
from bench.posting import Connection
from hemostat import incidents
from hemostat.processes import LOOPBACK
from schemas import visibility

_NEXT: Final = re.compile(rb'rel="next" href="([^"]+)"')
_AT_ONCE: Final = 48
_SETTLED_WITHIN: Final = 60.0
_FILLED_WITHIN: Final = 240.0
"""Seconds after which no more are started; the figures say how many there were."""
_LOOKS: Final = 10
_SILENT: Final = 25
_MOST_PAGES: Final = 1_000


@dataclass(frozen=True)
class Listed:
    """Seconds of each look, by what was looked at."""

    incidents: int
    looks: dict[str, list[float]]
    pages: int
    """How many pages of the console the walk by cursors had."""


async def lists(people: Crowd, count: int, say: Progress) -> Listed:
    """Fill the list up to *count* incidents, and look at it."""
    there = await incidents.count(people.stage.client, "")
    say(f"(e) {max(0, count - there)} more incidents, closed")
    await _closed(people, max(0, count - there))
    there = await incidents.count(people.stage.client, "")
    looks: dict[str, list[float]] = {}
    async with Connection(LOOPBACK, people.port) as connection:

        async def look(name: str, path: str) -> bytes:
            began = time.monotonic()
            status, page = await connection.send("GET", path, token=people.tokens[0])
            looks.setdefault(name, []).append(time.monotonic() - began)
            if status != 200:
                raise RuntimeError(f"{path} was answered {status}: {page[:300]!r}")
            return page

        say(f"(e) walking through {there} incidents")
        page = await look("the first page", "/incidents")
        for _ in range(_LOOKS):
            await look("the first page", "/incidents")
            await look("a filter: open, not contained", "/incidents?state=open&containment=none")
            await look("a filter that few match", "/incidents?severity=SEV-4&kind=exercise")
            await look("the API, 200 rows", "/api/v1/incidents?limit=200")
        last, pages = "/incidents", 1
        while (found := _NEXT.search(page)) and pages < _MOST_PAGES:
            last, pages = unescape(found[1].decode()), pages + 1
            page = await look("any page on the way", last)
        for _ in range(_LOOKS):
            await look("the last page", last)
        await _open(people, _SILENT)
        await look("the first page, 25 silent incidents on it, first look", "/incidents")
        for _ in range(_LOOKS):
            await look("the first page, 25 silent incidents on it", "/incidents")
    return Listed(there, looks, pages)


async def _closed(people: Crowd, count: int) -> None:
    if not count:
        return
    await _start(people, count, timedelta(seconds=2))
    async with asyncio.timeout(_SETTLED_WITHIN):
        while await incidents.count(
            people.stage.client, "ExecutionStatus = 'Running' AND TaskQueue = 'nobody'"
        ):
            await asyncio.sleep(0.2)


async def _open(people: Crowd, count: int) -> None:
    """Incidents that no worker answers for, on top of the list."""
    await _start(people, count, timedelta(minutes=10))
    query = "ExecutionStatus = 'Running' AND TaskQueue = 'nobody'"
    async with asyncio.timeout(_SETTLED_WITHIN):
        while await incidents.count(people.stage.client, query) < count:
            await asyncio.sleep(0.1)


async def _start(people: Crowd, count: int, within: timedelta) -> None:
    attributes = TypedSearchAttributes(
        [
            SearchAttributePair(visibility.PLAYBOOK, "triage"),
            SearchAttributePair(visibility.SERVICE, "watched"),
            SearchAttributePair(visibility.PHASE, "detection"),
            SearchAttributePair(visibility.SEVERITY, "SEV-4"),
            SearchAttributePair(visibility.CONTAINMENT, "none"),
            SearchAttributePair(visibility.DRILL, False),
            SearchAttributePair(visibility.RESTRICTED, False),
        ]
    )
    left, ends_at = iter(range(count)), time.monotonic() + _FILLED_WITHIN

    async def starter() -> None:
        for _ in left:
            if time.monotonic() > ends_at:
                return
            await people.stage.client.start_workflow(
                "nothing",
                id=f"triage-{uuid.uuid4().hex[:12]}",
                task_queue="nobody",
                execution_timeout=within,
                search_attributes=attributes,
            )

    await asyncio.gather(*(starter() for _ in range(_AT_ONCE)))
