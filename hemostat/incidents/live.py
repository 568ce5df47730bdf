"""What changes while people watch: one poller for each thing watched, shared by all who watch it.

Temporal is asked how long an incident's history is, which costs it next to nothing; only when that
grew is a worker asked where the incident stands. What changed is written out once, as the text of
a server-sent event, and every watcher takes it from the same short memory: five hundred watchers
cost one poll, and a slow one holds nobody up. Who falls too far behind is told to begin again.
What is new at one look is told at once, for whoever wants to hear of many changes as of one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, Protocol

from temporalio.client import Client

from hemostat.incidents import reading
from hemostat.incidents.asking import Line, asked_for
from hemostat.incidents.incident_row import IncidentRow
from hemostat.incidents.live_list import MOST_LISTED, New, News, OpenIncidents
from schemas.base import Digest, Frozen
from schemas.errors import HemostatError
from schemas.incident import Containment, IncidentView, Phase, Resolution
from schemas.journal import Entry
from schemas.severity import Severity
from schemas.step import StepState

LOOK_EVERY: Final = 0.4
"""Seconds; with the look itself, a change shows within a second."""

LOOK_AT_CLOSED_EVERY: Final = 5.0
_REMEMBERED: Final = 2 * MOST_LISTED

Connect = Callable[[], Awaitable[Client]]


@dataclass(frozen=True)
class Told:
    """One event: its number, its text on the wire, and whom to look at before it is shown."""

    number: int
    text: str
    length: int | None = None
    """How many entries the journal has after it, where it is one incident's feed."""
    row: IncidentRow | None = None
    """The incident it tells of: who watches is shown it only if they may see that one."""
    opened: bool = False
    """Whether the list did not have that incident before."""


AtOnce = tuple[Told, ...]
"""What one look found, in order; never empty."""


def event_text(name: str, data: str, number: int | None = None) -> str:
    """Return one server-sent event; *data* is JSON on one line."""
    numbered = f"id: {number}\n" if number is not None else ""
    return f"{numbered}event: {name}\ndata: {data}\n\n"


AGAIN: Final = event_text("again", "{}")
"""Something may have changed that is told nowhere else: begin again."""


class Standing(Frozen):
    """Where an incident stands, short: the content of an ``incident`` event."""

    id: str
    open: bool
    phase: Phase
    severity: Severity
    containment: Containment
    resolution: Resolution | None
    gates: tuple[str, ...]
    steps: dict[str, StepState]
    alerts: int
    journal_length: int
    journal_head: Digest


class Look(Protocol):
    """How one thing is looked at."""

    async def __call__(self) -> tuple[News, float]:
        """Return what is new, as name and data of events, and the seconds until the next look."""


@dataclass
class _Feed:
    """One thing that is watched."""

    look: Look
    told: deque[Told] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    last: int = 0
    watchers: int = 0
    looked: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    poller: asyncio.Task[None] | None = None

    async def poll(self) -> None:
        """Look again and again, for as long as this task lives."""
        while True:
            pause = LOOK_EVERY
            with suppress(HemostatError, OSError):
                news, pause = await self.look()
                pause = max(LOOK_EVERY, pause)
                # What changed before the first look shows at no look: those who wait read anew.
                if news or not self.looked:
                    await self._tell(news)
                self.looked = True
            await asyncio.sleep(pause)

    async def _tell(self, news: News) -> None:
        async with self.changed:
            for one in news:
                self.last += 1
                text, length = written(one.name, one.content)
                self.told.append(Told(self.last, text, length, one.row, one.opened))
            if not news:
                self.last += 1
                self.told.append(Told(self.last, AGAIN))
            self.changed.notify_all()


class Live:
    """The feeds of one process."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._feeds: dict[str, _Feed] = {}

    @property
    def polls(self) -> int:
        """How many things are being looked at now."""
        return len(self._feeds)

    def incident(self, incident: str) -> AsyncGenerator[AtOnce]:
        """Yield what happens to *incident* from now on; who may see it was asked before."""
        return self._follow(_of(incident), lambda: _OneIncident(self._connect, incident))

    def list(self) -> AsyncGenerator[AtOnce]:
        """Yield what changes in the list of open incidents from now on."""
        return self._follow(_of(None), lambda: OpenIncidents(self._connect, self.watchers))

    def watchers(self, incident: str | None = None) -> int:
        """Return how many watch *incident* now, or the list."""
        feed = self._feeds.get(_of(incident))
        return feed.watchers if feed else 0

    async def _follow(self, name: str, look: Callable[[], Look]) -> AsyncGenerator[AtOnce]:
        feed = self._feeds.get(name)
        if feed is None:
            feed = self._feeds[name] = _Feed(look())
            with asked_for(Line.LIVE):
                feed.poller = asyncio.create_task(feed.poll(), name=f"live {name}")
        feed.watchers += 1
        seen = feed.last
        try:
            while True:
                async with feed.changed:
                    while feed.last == seen:
                        await feed.changed.wait()
                    fresh = tuple(_later(feed.told, seen))
                    missed = fresh[0].number > seen + 1
                    seen = feed.last
                yield (Told(seen, AGAIN), *fresh) if missed else fresh
        finally:
            feed.watchers -= 1
            if feed.watchers == 0 and feed.poller is not None:
                feed.poller.cancel()
                if self._feeds.get(name) is feed:
                    del self._feeds[name]


def _of(incident: str | None) -> str:
    return "list" if incident is None else f"incident {incident}"


def _later(told: deque[Told], seen: int) -> list[Told]:
    """Those after number *seen*; what is old is not even looked at."""
    fresh = list(takewhile(lambda one: one.number > seen, reversed(told)))
    return fresh[::-1]


class _OneIncident:
    """Looks at one incident: at its history's length, and when that grew at where it stands."""

    def __init__(self, connect: Connect, incident: str) -> None:
        self._connect = connect
        self._incident = incident
        self._mark: reading.Mark | None = None
        self._head = ""
        self._journal = -1

    async def __call__(self) -> tuple[News, float]:
        client = await self._connect()
        mark, before = await reading.mark(client, self._incident), self._mark
        pause = LOOK_EVERY if mark.open else LOOK_AT_CLOSED_EVERY
        if mark == before:
            return [], pause
        seen = await reading.view(client, self._incident)
        ended = before is not None and (mark.run_id, mark.open) != (before.run_id, before.open)
        news: News = []
        if seen.journal_head != self._head or ended:
            row = await reading.row(client, self._incident)
            if self._journal >= 0:
                entries = await reading.journal_from(client, self._incident, self._journal)
                news += [New("journal", entry, row) for entry in entries]
            news.append(New("incident", standing(seen, is_open=mark.open), row))
        self._mark, self._head, self._journal = mark, seen.journal_head, seen.journal_length
        return news, pause


def standing(seen: IncidentView, *, is_open: bool) -> Standing:
    """Return where an incident stands, short."""
    return Standing(
        id=seen.id,
        open=is_open,
        phase=seen.phase,
        severity=seen.severity,
        containment=seen.containment,
        resolution=seen.resolution,
        gates=tuple(gate.policy.id for gate in seen.gates),
        steps={step.id: step.state for step in seen.steps},
        alerts=seen.alerts,
        journal_length=seen.journal_length,
        journal_head=seen.journal_head,
    )


def written(name: str, content: Frozen) -> tuple[str, int | None]:
    """Return an event's text, and the journal's length after it; its id is the entry's number."""
    data = content.model_dump_json()
    if isinstance(content, Entry):
        return event_text(name, data, content.seq), content.seq + 1
    return event_text(name, data), content.journal_length if isinstance(content, Standing) else None
