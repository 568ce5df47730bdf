"""A lying counterpart: stands before a real system and answers as broken systems do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Self

import httpx2


class Lie(StrEnum):
    """How a request is treated."""

    NONE = "passed on"
    NO_EFFECT = "answered 200, not passed on"
    ACT_THEN_SILENCE = "passed on, not answered"
    ACT_THEN_HANG_UP = "passed on, then the connection is closed"
    ACT_TWICE = "passed on twice"
    FAIL = "500"
    BUSY = "429"
    GARBAGE = "not JSON"
    OTHER_SHAPE = "JSON of another shape"
    OVERSIZED = "more than anyone asked for"
    NOT_FOUND = "404, but not the system's own"
    REDIRECT = "302 to somewhere else"
    DRIP = "a byte now and then, for ever"


CANNED = {
    Lie.NO_EFFECT: (200, b"{}"),
    Lie.FAIL: (500, b'{"error": "attacker text"}'),
    Lie.BUSY: (429, b""),
    Lie.GARBAGE: (200, b"<html>attacker text"),
    Lie.OTHER_SHAPE: (200, b'["attacker text"]'),
    Lie.OVERSIZED: (200, b"[" + b"1," * (9 << 20) + b"1]"),
    Lie.NOT_FOUND: (404, b"<html>attacker text"),
    Lie.REDIRECT: (302, b""),
}


async def _nothing(method: str, path: str) -> None:
    pass


class Liar:
    """An HTTP server before *upstream* that lies when ``lie`` (method, path) says so.

    With *transport* the upstream is whatever that reaches, such as an application in this process.
    *keeps_host* is for an upstream that checks what was signed: it sees the address that was asked.
    """

    def __init__(
        self,
        upstream: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        keeps_host: bool = False,
    ) -> None:
        self.upstream = upstream
        self._dropped = {"Connection"} if keeps_host else {"Connection", "Host"}
        self._transport = transport
        self.lie: Callable[[str, str], Lie] = lambda method, path: Lie.NONE
        self.before: Callable[[str, str], Awaitable[None]] = _nothing
        """What happens elsewhere before a request is passed on."""
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._client = httpx2.AsyncClient(trust_env=False, timeout=10, transport=self._transport)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
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

    def writes(self) -> list[tuple[str, str]]:
        """The requests that could change something."""
        return [asked for asked in self.requests if asked[0] != "GET"]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.split("\r\n")
        method, path, _ = line.split(" ")
        headers = dict(field.split(": ", 1) for field in fields if ": " in field)
        body = await reader.readexactly(int(headers.get("Content-Length", "0")))
        self.requests.append((method, path))
        self.headers.append(headers)
        lie = self.lie(method, path)
        if lie in CANNED:
            status, answer = CANNED[lie]
            extra = "Location: http://127.0.0.1:1/\r\n" if lie is Lie.REDIRECT else ""
            await self._answer(writer, status, answer, extra)
            return
        if lie is Lie.DRIP:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        await self.before(method, path)
        kept = {k: v for k, v in headers.items() if k not in self._dropped}
        if lie is Lie.ACT_TWICE:
            await self._client.request(method, self.upstream + path, headers=kept, content=body)
        answered = await self._client.request(
            method, self.upstream + path, headers=kept, content=body
        )
        if lie is Lie.ACT_THEN_SILENCE:
            await asyncio.Event().wait()
        if lie is Lie.ACT_THEN_HANG_UP:
            return
        etag = answered.headers.get("Etag")
        await self._answer(
            writer, answered.status_code, answered.content, f"Etag: {etag}\r\n" if etag else ""
        )

    async def _answer(
        self, writer: asyncio.StreamWriter, status: int, body: bytes, extra: str = ""
    ) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        writer.write(f"{head}{extra}\r\n".encode() + body)
        await writer.drain()
