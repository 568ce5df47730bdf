"""Marks: a no-op adapter tells the load generator, in another process, that an effect reached it.

A mark is one datagram on a Unix socket, with the moment on the clock that all processes of a
machine share, and costs the worker some ten microseconds. A socket holds few of them, by the
kernel's default ten: where the load generator does not get to run, the worker waits until it has.
"""

import asyncio
import socket
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MARKED: Final = frozenset(
    {
        "isolate_endpoint",
        "compare_with_shadow",
        "page",
        "evaluate_candidate",
        "count_affected_decisions",
        "read_endpoint",
    }
)
"""The ports whose calls the load generator waits for."""


class MarkSender:
    """The worker's end; a listener that is gone is no reason to fail."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, incident: str, port: str) -> None:
        """Say that *port* of *incident* was called just now."""
        mark = f"{incident} {port} {time.time_ns()}"
        self._socket.sendto(mark.encode(), self._path)

    def close(self) -> None:
        """Send no more."""
        self._socket.close()


class Marks:
    """The load generator's end: remembers every mark, and wakes who waits for one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._moments: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._waiting: dict[tuple[str, str], list[tuple[int, asyncio.Future[int]]]] = {}
        self.calls: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._socket.bind(str(self._path))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def seen(self, incident: str, port: str, times: int = 1) -> int:
        """Return when *port* was called for the *times*-th time, in ns since the epoch."""
        key = (incident, port)
        if len(self._moments[key]) >= times:
            return self._moments[key][times - 1]
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((times, future))
        return await future

    def last_before(self, incident: str, moment: int) -> tuple[str, int] | None:
        """The last call before *moment* (ns since the epoch) that is made as often in every incident."""
        calls = [
            (at, port, number)
            for (whose, port), moments in self._moments.items()
            if whose == incident and not port.endswith("page") and not port.startswith("watch_")
            for number, at in enumerate(moments, 1)
            if at < moment
        ]
        return max(calls)[1:] if calls else None

    def forget(self, incident: str) -> None:
        """Drop the marks of an incident that is over."""
        for key in [key for key in self._moments if key[0] == incident]:
            del self._moments[key]
            self._waiting.pop(key, None)

    def _read(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(512)
            except BlockingIOError:
                return
            incident, port, moment = datagram.decode().split(" ")
            self._take((incident, port), int(moment))

    def _take(self, key: tuple[str, str], moment: int) -> None:
        self.calls[key[1]] += 1
        moments = self._moments[key]
        moments.append(moment)
        still: list[tuple[int, asyncio.Future[int]]] = []
        for times, future in self._waiting.pop(key, []):
            if len(moments) < times:
                still.append((times, future))
            elif not future.done():
                future.set_result(moments[times - 1])
        if still:
            self._waiting[key] = still
