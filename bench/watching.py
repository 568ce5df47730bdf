"""(e) People: many watch, some decide, while a thousand incidents are open.

Decisions and pages come at a steady rate, whether or not what came before is answered; each one's
time begins when it was due. The gateway and the floor's bare handlers take turns under the same
rates, on the same server, while the watchers stay at the gateway. One decision in twenty-five
closes its incident, and an alert opens another: the list changes, and as many stay open.

First at a rate that two processors sustain, then at the one that the project demands. What was
handed over and not answered in time is looked at again in the end: whether it counted after all.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from bench.alarms import SIGNAL
from bench.bare import ALERTS
from bench.crowd import ACKNOWLEDGE, CLOSE, Crowd, approval, crowd, gates_of
from bench.latency import Progress
from bench.many import Listed, lists
from bench.onlookers import Told, onlookers
from bench.posting import Connection
from bench.scale import Rate, Size
from bench.stage import Stage
from bench.worker import QUEUE
from hemostat.processes import LOOPBACK

_TOLD_WITHIN: Final = 30.0
_COUNTED_WITHIN: Final = 30.0
_PAGES: Final = ("/incidents", "/incidents/{}", "/decisions")


@dataclass
class Side:
    """What one side took: seconds of each answer from when it was due, and of each page."""

    decided: list[float] = field(default_factory=list)
    pages: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """Where to see what became of each decision that was handed over and not answered in time."""
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What one rate brought."""

    rate: Rate
    ours: Side
    floor: Side
    told: Told
    renewed: list[float]
    counted_later: int
    """How many of ``ours.late`` counted in the end."""


@dataclass(frozen=True)
class Measured:
    """All of (e)."""

    size: Size
    parts: list[Part]
    memory: dict[str, int]
    """RSS in KiB of the gateway: before, with the watchers, at its highest; and of the floor."""
    opened_in: float
    listed: Listed
    page_bytes: int


async def measure(stage: Stage, size: Size, say: Progress) -> Measured:
    """Measure it all; the watchers' process and the gateway of people end with it."""
    async with crowd(stage, size.people) as people:
        memory = {"before": rss(people.gateway.pid)}
        say(f"(e) opening {size.incidents} incidents")
        began = time.monotonic()
        cases = [uuid.uuid4().hex for _ in range(size.incidents)]
        asking = await people.asking(await people.open(cases))
        opened_in = time.monotonic() - began
        memory["open"] = rss(people.gateway.pid)
        bare = await _bare(stage)
        pages, page = await _some_pages(people, list(asking))
        say(f"(e) {size.watchers} begin to watch")
        ready = [(one, gates_of(seen)) for one, seen in asking.items()]
        due = [_some(ready, rate.decided) for rate in size.rates]
        each = max(1, size.watched // len(due))
        watched = [one for some in due for one, _ in some[:: max(1, len(some) // each)][:each]]
        parts: list[Part] = []
        async with onlookers(people, watched, size.watchers, size.ramp) as crowded:
            memory["watched"] = rss(people.gateway.pid)
            for rate, some in zip(size.rates, due, strict=True):
                turns = _Turns(people, size, rate, pages, page, bare)
                moments = await turns.take(some, say)
                told, renewed = await crowded.ended(moments, _TOLD_WITHIN)
                later = await _counted_later(people, turns.ours.late)
                parts.append(Part(rate, turns.ours, turns.floor, told, renewed, later))
        memory["highest"] = rss(people.gateway.pid, "VmHWM")
        memory["floor"] = rss(stage.processes["floor"], "VmHWM")
        listed = await lists(people, size.listed, say)
        return Measured(size, parts, memory, opened_in, listed, len(page))


class _Turns:
    """Gateway and floor in turns, under the same rates."""

    def __init__(
        self,
        people: Crowd,
        size: Size,
        rate: Rate,
        pages: Sequence[str],
        page: bytes,
        bare: Sequence[str],
    ) -> None:
        self._people, self._size, self._rate, self._pages = people, size, rate, pages
        self._page, self._bare = page, bare
        self.ours, self.floor = Side(), Side()
        self.decided: dict[str, tuple[float, str]] = {}

    async def take(
        self, ready: list[tuple[str, dict[str, Any]]], say: Progress
    ) -> dict[str, tuple[float, str]]:
        """Return when each incident was decided on, and at which gate."""
        rate = self._rate
        for number in range(rate.blocks):
            say(f"(e) {rate.decisions} decisions a second, block {number + 1} of {rate.blocks}")
            due = _some(ready, int(rate.decisions * rate.seconds))
            ours = [self._decide(one, gates, at) for at, (one, gates) in enumerate(due)]
            await self._block(self.ours, self._people.port, ours, list(self._pages))
            bare = [self._signal(incident) for _, incident in zip(due, cycle(self._bare))]
            port = self._people.stage.floor_port
            await self._block(self.floor, port, bare, ["/page"])
        return self.decided

    async def _block(
        self, side: Side, port: int, decisions: Sequence["_Work"], pages: Sequence[str]
    ) -> None:
        before, began = self._people.stage.cpu(), time.monotonic()
        count = int(self._size.pages * self._rate.seconds)
        looks = [self._look(path) for path, _ in zip(cycle(pages), range(count))]
        await asyncio.gather(
            _steadily(side, port, decisions, self._rate.decisions),
            _steadily(side, port, looks, self._size.pages),
        )
        side.seconds += time.monotonic() - began
        for name, used in self._people.stage.cpu().items():
            side.cpu[name] = side.cpu.get(name, 0.0) + used - before.get(name, 0.0)

    def _decide(self, incident: str, gates: dict[str, Any], number: int) -> "_Work":
        """Approve; now and then to close, with a new incident in its place."""
        token = self._people.tokens[number % len(self._people.tokens)]
        every = self._size.closes_every
        gate = CLOSE if number % every == every - 1 else ACKNOWLEDGE
        body = json.dumps(approval(gates[gate])).encode()

        async def work(connection: Connection, side: Side, due: float) -> None:
            self.decided[incident] = (time.monotonic(), gate)
            path = f"/api/v1/incidents/{incident}/decisions"
            status, answer = await connection.send("POST", path, body, token)
            side.decided.append(time.monotonic() - due)
            if status == 202:
                side.late.append(f"/api/v1/incidents/{incident}/said/{json.loads(answer)['id']}")
            elif status != 200 or json.loads(answer)["taken"] != "counted":
                side.wrong.append(f"{status} {answer[:300].decode()}")
            if gate == CLOSE:
                await self._people.open([uuid.uuid4().hex])

        return work

    def _signal(self, incident: str) -> "_Work":
        """The floor's decision: parse the body, signal, ask whether it arrived."""
        body = json.dumps({"choice": "approve", "reason": "seen and agreed"}).encode()

        async def work(connection: Connection, side: Side, due: float) -> None:
            status, _ = await connection.send("POST", f"/decide/{incident}", body)
            side.decided.append(time.monotonic() - due)
            if status != 200:
                side.wrong.append(str(status))

        return work

    def _look(self, path: str) -> "_Work":
        token = self._people.tokens[0]

        async def work(connection: Connection, side: Side, due: float) -> None:
            if path == "/page":
                status, _ = await connection.send("POST", path, self._page)
            else:
                status, _ = await connection.send("GET", path, token=token)
            kind = "incident" if path.startswith("/incidents/") else path[1:]
            side.pages.setdefault(kind, []).append(time.monotonic() - due)
            if status != 200:
                side.wrong.append(f"{status} {path}")

        return work


_Work = Callable[[Connection, Side, float], Awaitable[None]]


async def _steadily(side: Side, port: int, works: Sequence[_Work], rate: float) -> None:
    """Begin each work when it is due, on a connection that is free."""
    free: list[Connection] = []
    began = time.monotonic()

    async def one(work: _Work, due: float) -> None:
        connection = free.pop() if free else await Connection(LOOPBACK, port).__aenter__()
        await work(connection, side, due)
        free.append(connection)

    async with asyncio.TaskGroup() as group:
        for number, work in enumerate(works):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(work, due))
    for connection in free:
        await connection.__aexit__(None, None, None)


def _some(ready: list[tuple[str, dict[str, Any]]], count: int) -> list[tuple[str, dict[str, Any]]]:
    """Take *count* of the incidents that are ready, as far as there are any."""
    return [ready.pop() for _ in range(count) if ready]


async def _counted_later(people: Crowd, late: Sequence[str]) -> int:
    """Look at each where its answer said to, until it counted, at most for a time."""
    counted, ends_at = 0, time.monotonic() + _COUNTED_WITHIN
    async with Connection(LOOPBACK, people.port) as connection:
        for where in late:
            while True:
                status, answer = await connection.send("GET", where, token=people.tokens[0])
                if status == 200 or time.monotonic() > ends_at:
                    break
                await asyncio.sleep(0.2)
            counted += status == 200 and json.loads(answer)["answer"]["taken"] == "counted"
    return counted


async def _some_pages(people: Crowd, incidents: Sequence[str]) -> tuple[list[str], bytes]:
    """The pages that are asked for, and the list's bytes for the floor to answer with."""
    async with Connection(LOOPBACK, people.port) as connection:
        status, page = await connection.send("GET", "/incidents", token=people.tokens[0])
    if status != 200:
        raise RuntimeError(f"the list was answered {status}: {page[:300]!r}")
    some = incidents[:: max(1, len(incidents) // 10)]
    return [path.format(one) for one in some for path in _PAGES], page


async def _bare(stage: Stage) -> list[str]:
    """Some of the floor's workflows, to be signalled."""
    names = [f"bare-{uuid.uuid4().hex}" for _ in range(10)]
    for name in names:
        await stage.client.start_workflow(
            ALERTS, 0, id=name, task_queue=QUEUE, start_signal=SIGNAL, start_signal_args=[{}]
        )
    return names


def rss(pid: int, which: str = "VmRSS") -> int:
    """The resident memory of a process in KiB, now or (``VmHWM``) at its highest; 0 without /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(which)), 0)
