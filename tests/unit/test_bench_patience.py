"""A slow machine has slow figures, not an end: what the load generator asks again, and waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from bench import patience, report
from bench.marks import Marks, MarkSender
from bench.patience import patiently
from bench.posting import Connection
from hemostat.gateway.incident_signal import NotAccepted
from hemostat.processes import LOOPBACK


@asynccontextmanager
async def answering(statuses: list[int], *, per_connection: int = 100) -> AsyncIterator[int]:
    """A server that gives these answers in turn, and ends a connection after so many."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(per_connection):
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            writer.write(f"HTTP/1.1 {statuses.pop(0)} X\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_what_is_answered_503_is_sent_again_until_it_is_taken() -> None:
    statuses = [503, 503, 202]
    async with answering(statuses) as port, Connection(LOOPBACK, port) as connection:
        assert await connection.taken("/alerts/bench", b"") == b""
    assert statuses == []


async def test_what_is_refused_for_good_is_an_error_that_says_so() -> None:
    async with answering([401]) as port, Connection(LOOPBACK, port) as connection:
        with pytest.raises(RuntimeError, match="alerts answered 401"):
            await connection.taken("/alerts/bench", b"")


async def test_a_connection_that_the_server_ended_while_idle_is_opened_anew() -> None:
    statuses = [202, 202]
    async with (
        answering(statuses, per_connection=1) as port,
        Connection(LOOPBACK, port) as connection,
    ):
        await connection.taken("/accept", b"")
        await connection.taken("/accept", b"")
    assert statuses == []


async def test_what_temporal_refuses_for_now_is_asked_again_and_nothing_else() -> None:
    refusals: list[Exception] = [
        NotAccepted("Temporal is too slow"),
        WorkflowQueryFailedError("this answer may rest on a task that did not count; ask again"),
        RPCError("busy", RPCStatusCode.RESOURCE_EXHAUSTED, b""),
        RPCError("gone", RPCStatusCode.NOT_FOUND, b""),
    ]

    async def ask() -> None:
        raise refusals.pop(0)

    with pytest.raises(RPCError, match="gone"):
        await patiently(ask)
    assert refusals == []


async def test_who_is_refused_too_long_is_told_by_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WITHIN", 0.5)

    async def ask() -> None:
        raise WorkflowQueryFailedError("the playbook has a bug")

    with pytest.raises(TimeoutError, match="the playbook has a bug"):
        await patiently(ask)


async def test_no_mark_is_lost_where_the_load_generator_does_not_get_to_run(
    tmp_path: Path,
) -> None:
    async with Marks(tmp_path / "marks") as marks:
        sender = MarkSender(tmp_path / "marks")

        def send_many() -> None:
            for _ in range(100):  # a socket holds ten of them by the kernel's default
                sender.send("incident-1", "page")

        await asyncio.gather(asyncio.to_thread(send_many), marks.seen("incident-1", "page", 100))
        sender.close()


def test_a_machine_without_git_has_a_report_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert report._commit() == "unknown"
