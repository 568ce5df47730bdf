"""Stands before a real system, counts what changes it, and may keep the answer to itself."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import httpx2

SILENCE = 3.0
"""Seconds after which an answer that is kept back ends in a closed connection; longer than the
adapters wait that have a time limit of their own for the request."""


@dataclass(frozen=True)
class Exchange:
    """One request that the system answered, whether or not the answer was passed on."""

    method: str
    path: str
    sent: Any
    status: int
    answer: Any
    target: str = ""
    """What AWS's JSON protocol names the call."""


class Proxy:
    """A reverse proxy on loopback, one request a connection. Use as an async context manager.

    *keep_host*: pass on the host that was asked for; AWS requests are signed with it.
    """

    def __init__(self, upstream: str, *, keep_host: bool = False) -> None:
        self._upstream = upstream
        self._dropped = {"connection"} if keep_host else {"host", "connection"}
        self.exchanges: list[Exchange] = []
        self.keep_next_answer = False
        """The next write is passed on, its answer is not. Then it is honest again."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.AsyncClient(trust_env=False, timeout=60, limits=limits)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def writes(self) -> list[Exchange]:
        """What was asked that may change something, and was done."""
        return [e for e in self.exchanges if e.method != "GET" and e.status < 300]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # No answer from upstream is passed on as what it is: a connection that ends.
            with suppress(ConnectionError, asyncio.IncompleteReadError, httpx2.TransportError):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.split("\r\n")
        method, path, _ = line.split(" ")
        pairs = (field.split(": ", 1) for field in fields if ": " in field)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        kept = {k: v for k, v in headers.items() if k not in self._dropped}
        silent = self.keep_next_answer and method != "GET"
        if silent:
            self.keep_next_answer = False
        answer = await self._client.request(
            method, self._upstream + path, headers=kept, content=body
        )
        exchange = Exchange(
            method,
            path,
            _parsed(body),
            answer.status_code,
            _parsed(answer.content),
            headers.get("x-amz-target", ""),
        )
        self.exchanges.append(exchange)
        if silent:
            await asyncio.sleep(SILENCE)
            return
        passed = [(name, answer.headers[name]) for name in ("etag",) if name in answer.headers]
        passed += [("Content-Length", str(len(answer.content))), ("Connection", "close")]
        lines = "".join(f"{name}: {value}\r\n" for name, value in passed)
        start = f"HTTP/1.1 {answer.status_code} X\r\n{lines}\r\n"
        writer.write(start.encode("latin-1") + answer.content)
        await writer.drain()


def _parsed(body: bytes) -> Any:
    if body.startswith(b"Action="):  # a form of AWS's query protocol
        return dict(parse_qsl(body.decode()))
    try:
        return json.loads(body)
    except ValueError:
        return None
