"""What changes in the list of open incidents, by one look after another.

A list of a thousand incidents is dear to Temporal, and is asked for at first and now and then. In
between a look asks only for what changed of late, opened, or closed: an incident tells when it last
changed by a search attribute, and one that does not is asked for each time. Moments are the
server's own; each look goes back some seconds, for what the list is late to tell.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client

from hemostat.incidents import asking, reading
from hemostat.incidents.incident_row import IncidentRow, row_of
from schemas.base import Frozen
from schemas.visibility import CHANGED_AT

MOST_LISTED: Final = 2_000
"""Open incidents whose changes the list's feed tells, the newest."""

CROWD: Final = 20
"""More watchers than this share the pages of the list, for as long as no look finds a change."""

WHOLE_EVERY: Final = 30.0
"""Seconds after which the whole list is looked at: whatever was told late shows by then."""

OPEN: Final = "ExecutionStatus = 'Running'"
_LATE: Final = timedelta(seconds=5)
_NO_OLDER: Final = timedelta(minutes=1)
_LISTED_AT_ONCE: Final = 1000

Connect = Callable[[], Awaitable[Client]]
Infos = dict[str, WorkflowExecutionInfo]


@dataclass(frozen=True)
class New:
    """Name and content of one event, and the incident that it tells of."""

    name: str
    content: Frozen
    row: IncidentRow
    opened: bool = False


News = list[New]


class Gone(Frozen):
    """The content of a ``gone`` event: it is open no more."""

    id: str
    run_id: str


class OpenIncidents:
    """Looks at the list: a row is told when it appears, changes, or is open no more.

    What Temporal tells of an incident is compared as it came; only what differs is taken apart.
    """

    def __init__(self, connect: Connect, watchers: Callable[[], int] = lambda: 0) -> None:
        self._connect = connect
        self._watchers = watchers
        self._known: Infos | None = None
        self._latest = datetime.fromtimestamp(0, UTC)
        self._whole_at = 0.0
        self._changed_at = 0.0

    async def __call__(self) -> tuple[News, float]:
        """Return what changed since the last look, and how long this one took, in seconds."""
        loop = asyncio.get_running_loop()
        began, client = loop.time(), await self._connect()
        known = self._known
        if known is None or began >= self._whole_at:
            now = await _listed(client, OPEN)
            self._whole_at = began + max(WHOLE_EVERY, 20 * (loop.time() - began))
        else:
            now = await self._as_of_late(client, known)
        news = _news(known, now) if known is not None else []
        self._known = now
        self._latest = max([self._latest, *map(_moment, now.values())])
        if news or known is None:
            self._changed_at = began
        asking.share_lists(client, self._changed_at if self._watchers() > CROWD else None)
        return news, loop.time() - began

    async def _as_of_late(self, client: Client, known: Infos) -> Infos:
        """Return what is open now: *known*, with what changed, opened or closed of late."""
        since = max(self._latest - _LATE, datetime.now(UTC) - _NO_OLDER)
        moment, name = f"'{since:%Y-%m-%dT%H:%M:%S.%fZ}'", CHANGED_AT.name
        changed = f"({name} > {moment} OR {name} IS NULL OR StartTime > {moment})"
        fresh = await _listed(client, f"{OPEN} AND {changed}")
        closed = await _listed(client, f"CloseTime > {moment}")
        started = {one.execution.workflow_id: run for run, one in fresh.items()}
        return {
            run: one
            for run, one in (known | fresh).items()
            # An incident that went on in a new run is not open in the old one any more.
            if run not in closed and started.get(one.execution.workflow_id, run) == run
        }


async def _listed(client: Client, query: str) -> Infos:
    found: Infos = {}
    token: bytes | None = None
    while len(found) < MOST_LISTED:
        listed, token = await reading.listed(client, query, _LISTED_AT_ONCE, token)
        found |= {one.execution.run_id: one for one in listed}
        if not token:
            break
    return found


def _moment(one: WorkflowExecutionInfo) -> datetime:
    """When it last changed, as far as it tells."""
    told = one.search_attributes.indexed_fields.get(CHANGED_AT.name)
    started = one.start_time.ToDatetime(UTC)
    return max(started, datetime.fromisoformat(json.loads(told.data))) if told else started


def _news(known: Infos, now: Infos) -> News:
    news: News = []
    for run, one in now.items():
        before = known.get(run)
        if before is None or (before is not one and before != one):
            row = row_of(one)
            if before is None or row_of(before) != row:
                news.append(New("row", row, row, opened=before is None))
    for run, one in known.items():
        if run not in now:
            row = row_of(one)
            news.append(New("gone", Gone(id=row.id, run_id=run), row))
    return news
