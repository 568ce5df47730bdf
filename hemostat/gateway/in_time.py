"""A connection says what it wants in time, or is closed: who says nothing holds no place for it.

A file is open for each connection, and alerts come in by the same files. Bodies have bounds of
their own, where they are read; a response may take as long as it likes, live streams do.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN: Final = 10.0
"""Seconds from a connection, or from the first byte of a further request on it, to its headers."""


class HeadersInTime(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to waiting for headers."""

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

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

    def _asks_nothing(self) -> bool:
        cycle = self.cycle
        return cycle is None or cycle.response_complete  # type: ignore[redundant-expr] # None at first

    def _done(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _end(self) -> None:
        self._ending = None
        if self._asks_nothing():
            self.transport.close()
