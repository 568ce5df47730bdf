"""Asking incidents: once for all who ask the same, in lines of their own, and truthful when late."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from hemostat.incidents import asking
from hemostat.incidents.asking import AnswersLate, Line, NoWorkerAnswers, Question, asked_for

SOON = timedelta(seconds=20)


class Temporal:
    """Answers each query when let go; its task queue was polled at *polled*."""

    def __init__(self, polled: datetime | None = None) -> None:
        self.namespace = "n"
        self.polled = polled
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.fails: RPCStatusCode | None = None
        self.workflow_service = self

    def get_workflow_handle(self, incident: str, *, run_id: str | None = None) -> Any:
        async def query(name: str, *, args: list[Any], rpc_timeout: timedelta) -> str:
            self.asked.append(incident)
            await self.go.wait()
            if self.fails:
                raise RPCError("", self.fails, b"")
            return f"{incident} {len(self.asked)}"

        async def describe(*, rpc_timeout: timedelta) -> Any:
            return SimpleNamespace(task_queue="hemostat")

        return SimpleNamespace(query=query, describe=describe)

    async def describe_task_queue(self, request: Any, **_: Any) -> Any:
        assert request.task_queue.name == "hemostat"
        if self.polled is None:
            return SimpleNamespace(pollers=[])
        at = Timestamp()
        at.FromDatetime(self.polled)
        return SimpleNamespace(pollers=[SimpleNamespace(last_access_time=at)])


def ask(temporal: Temporal, incident: str, within: timedelta = SOON) -> "asyncio.Future[Any]":
    question = Question(incident, None, "incident", ())
    return asyncio.ensure_future(asking.query(cast("Client", temporal), question, within))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


async def test_ten_who_ask_one_incident_at_once_wake_its_worker_twice() -> None:
    temporal = Temporal()
    crowd = [ask(temporal, "one") for _ in range(10)]
    await until(lambda: bool(temporal.asked))
    temporal.go.set()
    answers = await asyncio.gather(*crowd)
    assert answers == ["one 1"] + ["one 2"] * 9


async def test_a_line_that_is_full_holds_up_no_other() -> None:
    temporal = Temporal()
    with asked_for(Line.LISTS):
        listed = [ask(temporal, f"listed-{number}") for number in range(100)]
    await until(lambda: bool(temporal.asked))
    await asyncio.sleep(0.01)
    assert len(temporal.asked) < 50
    with asked_for(Line.DECISIONS):
        decided = ask(temporal, "decided")
    await until(lambda: "decided" in temporal.asked)
    temporal.go.set()
    assert (await decided).startswith("decided")
    assert len(await asyncio.gather(*listed)) == 100


@pytest.mark.parametrize("ago", [timedelta(seconds=5), timedelta(minutes=4), None])
async def test_no_worker_is_said_only_where_none_asked_for_work_of_late(
    ago: timedelta | None,
) -> None:
    temporal = Temporal(None if ago is None else datetime.now(UTC) - ago)
    with pytest.raises(NoWorkerAnswers) as told:
        await ask(temporal, "one", timedelta(seconds=0.05))
    late = ago is not None and ago < timedelta(minutes=1)
    assert isinstance(told.value, AnswersLate) is late
    assert ("no worker" in told.value.what) is not late


async def test_a_queue_that_nobody_polls_is_told_at_once() -> None:
    temporal = Temporal(datetime.now(UTC))
    temporal.fails = RPCStatusCode.FAILED_PRECONDITION
    temporal.go.set()
    with pytest.raises(NoWorkerAnswers, match="hemostat worker") as told:
        await ask(temporal, "one")
    assert not isinstance(told.value, AnswersLate)


async def test_lists_share_what_an_incident_answered_until_somebody_speaks_to_it() -> None:
    temporal = Temporal()
    temporal.go.set()
    with asked_for(Line.LISTS):
        assert [await ask(temporal, "one") for _ in range(3)] == ["one 1"] * 3
        asking.spoke_to(cast("Client", temporal), "one")
        assert await ask(temporal, "one") == "one 2"
    assert await ask(temporal, "one") == "one 3"  # a page of its own is always asked for
