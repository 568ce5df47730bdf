"""The process of those who watch: each holds a stream of events open, and does what a browser does.

Told of a change that its page shows, it fetches that page again, at a moment drawn from the time
that the gateway names. Everything heard is kept with its moment and written when asked for, as one JSON
document. Half watch the list, the others a few incidents.
"""

import asyncio
import json
import random
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from bench.posting import Connection
from hemostat.processes import LOOPBACK

_LINE: Final = 1 << 20
_ROW: Final = re.compile(rb'data-row="([^"]+)"')
_DICE: Final = random.Random(4)


class Heard:
    """What all of them heard and saw."""

    def __init__(self) -> None:
        self.texts: dict[bytes, int] = {}
        self.told: list[tuple[float, int, int]] = []
        """When, which watcher, which text."""
        self.pages: list[tuple[float, float]] = []
        """When a page was asked for, and the seconds until it was there."""
        self.failed: list[str] = []
        self.listening = 0

    def document(self) -> dict[str, Any]:
        """What the load generator reads."""
        texts = [json.loads(text) for text in self.texts]
        return {"texts": texts, "told": self.told, "pages": self.pages, "failed": self.failed}


class Watcher:
    """One person before one page."""

    def __init__(self, number: int, port: int, token: str, page: str, heard: Heard) -> None:
        self._number, self._port, self._token = number, port, token
        self._page, self._events = page, page + "/events" if page != "/incidents" else "/events"
        self._heard = heard
        self._shown: frozenset[str] = frozenset()
        self._soon = False
        self._fetching: set[asyncio.Task[None]] = set()

    async def watch(self) -> None:
        """Listen until cancelled; what breaks is told."""
        try:
            await self._listen()
        except (OSError, EOFError) as error:
            self._heard.failed.append(f"{self._events}: {error!r}")

    async def _listen(self) -> None:
        async for line in self._lines():
            text = line[6:].strip()
            number = self._heard.texts.setdefault(text, len(self._heard.texts))
            self._heard.told.append((time.monotonic(), self._number, number))
            if not self._soon and self._concerns(told := json.loads(text)):
                self._soon = True
                fetching = asyncio.create_task(self._renew(told.get("spread", 0)))
                self._fetching.add(fetching)
                fetching.add_done_callback(self._fetching.discard)

    def _concerns(self, told: dict[str, Any]) -> bool:
        if "incidents" not in told or self._page != "/incidents" or told["opened"]:
            return True
        return not self._shown.isdisjoint(told["incidents"])

    async def _renew(self, spread: int) -> None:
        await asyncio.sleep(_DICE.random() * spread / 1000)
        self._soon = False  # what changes from here on is not on the page that is asked for now
        began = time.monotonic()
        async with Connection(LOOPBACK, self._port) as connection:
            status, page = await connection.send("GET", self._page, token=self._token)
        if status != 200:
            self._heard.failed.append(f"{status} {self._page}")
        self._heard.pages.append((began, time.monotonic() - began))
        self._shown = frozenset(row.decode() for row in _ROW.findall(page))

    async def _lines(self) -> AsyncIterator[bytes]:
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port, limit=_LINE)
        asked = f"GET {self._events} HTTP/1.1\r\nHost: bench\r\n"
        writer.write(f"{asked}Authorization: Bearer {self._token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            self._heard.failed.append(f"{head[9:12].decode()} {self._events}")
            return
        self._heard.listening += 1
        while line := await reader.readline():
            if line.startswith(b"data: "):
                yield line
        self._heard.failed.append(f"{self._events} ended")


async def main(given: dict[str, Any]) -> None:
    """Watch until SIGTERM; at each SIGUSR1 write what was heard so far."""
    port, tokens, pages = given["port"], given["tokens"], given["pages"]
    stopped, heard = asyncio.Event(), Heard()
    loop, file = asyncio.get_running_loop(), Path(given["heard"])

    def write() -> None:
        part = file.with_suffix(".part")
        part.write_text(json.dumps(heard.document()))
        part.replace(file)

    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGUSR1, write)
    watching = []
    for number, page in enumerate(pages):
        watcher = Watcher(number, port, tokens[number % len(tokens)], page, heard)
        watching.append(asyncio.create_task(watcher.watch()))
        await asyncio.sleep(given["ramp"] / len(pages))
    while heard.listening < len(pages) and not heard.failed:
        await asyncio.sleep(0.05)
    Path(given["listening"]).touch()
    await stopped.wait()
    for one in watching:
        one.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
