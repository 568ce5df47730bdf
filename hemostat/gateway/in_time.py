"""A connection says what it wants in time, or is closed: who says nothing holds no place for it.

A file is open for each connection, and alerts come in by the same files: there are only so many
connections at once, and one more takes the place of the one that has said nothing for longest.
Bodies have bounds of their own, where they are read; a response may take as long as it likes, live
streams do.
"""

import asyncio
import resource
from typing import ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN: Final = 10.0
"""Seconds from a connection, or from the first byte of a further request on it, to its headers."""

_OTHER_FILES: Final = 128
"""Files besides connections: Temporal, the vault, reports that are made."""


class HeadersInTime(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to waiting for headers; ``at_most`` bounds it."""

    most: ClassVar[int] = 2000
    """Connections at once."""
    waiting: ClassVar[dict["HeadersInTime", None]] = {}
    """Those that ask nothing, who has waited longest first."""

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most:
            next(iter(self.waiting))._end()  # this one itself, where all others are answered

    def data_received(self, data: bytes) -> None:
        """Go on waiting, or be done with it: these were the headers."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._done()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if not self._asks_nothing():
            self._done()
        elif self._ending is None:
            self._ending = self.loop.call_later(HEADERS_WITHIN, self._end)
            self.waiting[self] = None

    def _asks_nothing(self) -> bool:
        cycle = self.cycle
        return cycle is None or cycle.response_complete  # type: ignore[redundant-expr] # None at first

    def _done(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
            self.waiting.pop(self, None)

    def _end(self) -> None:
        self._done()
        if self._asks_nothing():
            self.transport.close()


def at_most(connections: int) -> type[HeadersInTime]:
    """Return the protocol of one server that has at most *connections* at once."""

    class AtMost(HeadersInTime):
        most = connections
        waiting: ClassVar[dict[HeadersInTime, None]] = {}

    return AtMost


def files_for(connections: int) -> int:
    """Have this process open as many files as *connections* take, and return how many it can have.

    A system starts processes with a low bound that each may raise to a higher one by itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    may = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (may, hard))
    return max(may - _OTHER_FILES, 1)
