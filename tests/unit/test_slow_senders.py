"""Who connects and says nothing, or never says all of it, is not waited for without end."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from hemostat import forms
from hemostat.forms import form_of
from hemostat.gateway import in_time
from hemostat.gateway.in_time import at_most, files_for
from hemostat.identity import secrets
from hemostat.processes import LOOPBACK
from tests.browser import Browser, identity_of, member

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
DEADLINE = 20.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


MOST = 4
"""Connections at once."""


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server with a page, with a stream that never ends, and with few connections."""

    async def page(request: Request) -> Response:
        return PlainTextResponse("here")

    async def stream(request: Request) -> Response:
        async def forever() -> AsyncIterator[str]:
            yield "begun"
            await asyncio.Event().wait()

        return StreamingResponse(forever())

    app = Starlette(routes=[Route("/", page), Route("/stream", stream)])
    protocol = at_most(MOST)
    config = uvicorn.Config(
        app, http=protocol, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    listener = await asyncio.get_running_loop().create_server(
        lambda: protocol(config, server.server_state, {}), LOOPBACK, 0
    )
    config.load()
    yield listener.sockets[0].getsockname()[1]
    listener.close()


@asynccontextmanager
async def connected(port: int, *said: bytes) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for part in said:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.05)
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"G"])
async def test_a_connection_whose_headers_never_end_is_closed(
    port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_time, "HEADERS_WITHIN", 0.1)
    async with connected(port, said) as (reader, _):
        assert await asyncio.wait_for(reader.read(), DEADLINE) == b""


async def test_a_further_request_has_no_more_time_than_the_first(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(port, WHOLE) as (reader, writer):
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"here"), DEADLINE)
        monkeypatch.setattr(in_time, "HEADERS_WITHIN", 0.1)
        writer.write(WHOLE[:-4])
        assert await asyncio.wait_for(reader.read(), DEADLINE) == b""


async def test_headers_in_parts_are_answered_and_a_stream_outlives_the_time_for_headers(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_time, "HEADERS_WITHIN", 2.0)
    begins = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
    async with connected(port, WHOLE[:9], WHOLE[9:]) as (answered, _):
        assert b"200 OK" in await asyncio.wait_for(answered.readuntil(b"here"), DEADLINE)
    async with connected(port, begins[:7], begins[7:]) as (streamed, _):
        await asyncio.wait_for(streamed.readuntil(b"begun"), DEADLINE)
        async with connected(port) as (
            idle,
            _,
        ):  # began later than the stream, and ends by its time
            assert await asyncio.wait_for(idle.read(), DEADLINE) == b""
        assert not streamed.at_eof()


async def test_one_more_takes_the_place_of_who_said_nothing_for_longest(port: int) -> None:
    begins = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
    async with (
        connected(port, begins) as (streamed, _),
        connected(port, b"G") as (first, _),
        connected(port, WHOLE) as (second, further),
        connected(port) as (third, _),
    ):
        await asyncio.wait_for(streamed.readuntil(b"begun"), DEADLINE)
        await asyncio.wait_for(second.readuntil(b"here"), DEADLINE)
        async with connected(port, WHOLE) as (fifth, _):
            assert b"200 OK" in await asyncio.wait_for(fifth.readuntil(b"here"), DEADLINE)
            assert await asyncio.wait_for(first.read(), DEADLINE) == b""
            further.write(WHOLE)
            await asyncio.wait_for(second.readuntil(b"here"), DEADLINE)
            assert not any(one.at_eof() for one in (streamed, second, third, fifth))


async def test_while_all_are_answered_one_more_is_turned_away(port: int) -> None:
    begins = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
    async with AsyncExitStack() as stack:
        streams = [
            (await stack.enter_async_context(connected(port, begins)))[0] for _ in range(MOST)
        ]
        for stream in streams:
            await asyncio.wait_for(stream.readuntil(b"begun"), DEADLINE)
        more, _ = await stack.enter_async_context(connected(port))
        assert await asyncio.wait_for(more.read(), DEADLINE) == b""
        assert not any(stream.at_eof() for stream in streams)


@pytest.mark.parametrize(
    ("limits", "asked", "connections", "set_to"),
    [
        ((1024, 4096), 2000, 2000, (2128, 4096)),
        ((1024, 1500), 2000, 1372, (1500, 1500)),
        ((1024, -1), 2000, 2000, (2128, -1)),
        ((4096, 4096), 2000, 2000, None),
        ((-1, -1), 2000, 2000, None),
    ],
)
def test_there_are_no_more_connections_than_files_and_as_many_files_as_the_system_lets_us_have(
    limits: tuple[int, int],
    asked: int,
    connections: int,
    set_to: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: done.append(to))
    assert files_for(asked) == connections
    assert done == ([set_to] if set_to else [])


async def test_a_form_that_never_ends_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "FORM_WITHIN", 0.05)
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"9")]

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    assert await asyncio.wait_for(form_of(request), DEADLINE) == {}


async def test_signing_in_goes_on_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_N", 16)
    identity = identity_of(tmp_path)
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    assert await browser.me()
