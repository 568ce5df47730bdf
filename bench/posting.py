"""HTTP as lightly as it goes: the load generator shares two processors with what it measures.

One connection, kept alive, one request at a time. It reads answers that bear a Content-Length,
which all of ours do.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from hemostat.processes import LOOPBACK

AGAIN_AFTER: Final = 0.2


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        with suppress(ConnectionError):  # the other end may have been faster
            await self._writer.wait_closed()

    async def taken(self, path: str, body: bytes, token: str = "") -> bytes:
        """POST *body*, again as long as it is answered 503, as a real sender does."""
        status, answer = await self.send("POST", path, body, token)
        while status == 503:
            await asyncio.sleep(AGAIN_AFTER)
            status, answer = await self.send("POST", path, body, token)
        if status != 202:
            raise RuntimeError(f"{path.split('/')[1]} answered {status}: {answer[:200]!r}")
        return answer

    async def send(
        self, method: str, path: str, body: bytes = b"", token: str = ""
    ) -> tuple[int, bytes]:
        """Send one request; return status and body of the answer."""
        try:
            head = await self._asked(request(method, path, body, token))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if getattr(error, "partial", b""):
                raise
            # The server has ended what was idle for some seconds, and never saw this request.
            await self.__aexit__(None, None, None)
            await self.__aenter__()
            head = await self._asked(request(method, path, body, token))
        status = int(head[9:12])
        length = next(
            int(line[15:])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-len")
        )
        return status, await self._reader.readexactly(length)

    async def _asked(self, raw: bytes) -> bytes:
        self._writer.write(raw)
        return await self._reader.readuntil(b"\r\n\r\n")


def request(method: str, path: str, body: bytes, token: str) -> bytes:
    """The bytes of one request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def post_all(
    port: int, path: str, bodies: Sequence[bytes], *, token: str = "", at_once: int
) -> list[tuple[int, bytes, float]]:
    """Post every body, *at_once* under way; return status, answer and seconds of each.

    What is answered 503 is sent again, as a real sender does: its seconds go on, and each refusal
    is an answer of its own in the list, with no seconds.
    """
    waiting = iter(bodies)
    answers: list[tuple[int, bytes, float]] = []
    clock = asyncio.get_running_loop().time

    async def sender() -> None:
        async with Connection(LOOPBACK, port) as connection:
            for body in waiting:
                began = clock()
                status, answer = await connection.send("POST", path, body, token)
                while status == 503:
                    answers.append((status, answer, 0.0))
                    await asyncio.sleep(AGAIN_AFTER)
                    status, answer = await connection.send("POST", path, body, token)
                answers.append((status, answer, clock() - began))

    await asyncio.gather(*(sender() for _ in range(at_once)))
    return answers
