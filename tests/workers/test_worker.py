"""A worker on a real Temporal: requests reach their adapter, failures speak our words."""

import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment

from hemostat.temporal.embedded import temporal_executable
from hemostat.vault import Vault
from tests.workers import fake_adapter
from tests.workers.fake_adapter import FakeAdapter
from tests.workers.fake_playbook import ClampIt
from tests.workers.fake_port import Clamp, Clamped, clamp_vessel, look_at_vessel
from workers.connections import Connected, Connections
from workers.registry import adapter_in
from workers.worker import make_worker

pytestmark = pytest.mark.temporal

SECRET = "s3cr3t-of-the-clamp"
QUEUE = "clamps"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(temporal_executable()),
    ) as environment:
        yield environment.client


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Connections:
    monkeypatch.setenv("CLAMP_TOKEN", SECRET)
    kind = adapter_in(fake_adapter)
    made: dict[str, Connected] = {}
    for name in ("left", "right"):
        connection = fake_adapter.Connection(
            adapter="fake_adapter", label=f"the {name} hand", token="env:CLAMP_TOKEN"
        )
        made[name] = Connected(name, kind, FakeAdapter(connection, Vault(tmp_path)))
    return made


@pytest.fixture
async def worker(client: Client, connections: Connections) -> AsyncIterator[None]:
    ports = (clamp_vessel, look_at_vessel)
    async with make_worker(client, QUEUE, {"clamp-it": ClampIt}, connections, ports):
        yield


async def start(client: Client, **request: Any) -> WorkflowHandle[ClampIt, Clamped]:
    return await client.start_workflow(
        ClampIt.run, Clamp(**request), id=f"clamp-it-{uuid.uuid4().hex}", task_queue=QUEUE
    )


async def failure(handle: WorkflowHandle[ClampIt, Clamped]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as raised:
        await handle.result()
    assert isinstance(raised.value.cause, ActivityError)
    cause = raised.value.cause.cause
    assert isinstance(cause, ApplicationError)
    return cause


def calls(connections: Connections, name: str) -> list[Clamp]:
    adapter = connections[name].adapter
    assert isinstance(adapter, FakeAdapter)
    return adapter.calls


@pytest.mark.usefixtures("worker")
async def test_each_request_goes_to_the_adapter_of_its_connection(
    client: Client, connections: Connections
) -> None:
    left = await start(client, connection="left", vessel="aorta", key="k-1")
    right = await start(client, connection="right", vessel="vena cava")
    assert await left.result() == Clamped(by="the left hand", vessel="aorta")
    assert await right.result() == Clamped(by="the right hand", vessel="vena cava")
    assert [request.key for request in calls(connections, "left")] == ["k-1"]
    assert len(calls(connections, "right")) == 1


@pytest.mark.usefixtures("worker")
async def test_an_unknown_connection_fails_at_once_and_says_which_there_are(
    client: Client,
) -> None:
    cause = await failure(await start(client, connection="elsewhere", vessel="aorta"))
    assert cause.non_retryable
    assert cause.type == "ConfigurationError"
    assert str(cause) == (
        "ConfigurationError: clamp_vessel: this worker has no connection 'elsewhere'. "
        "Next: name a connection that offers it (left, right), or add it and restart."
    )


@pytest.mark.usefixtures("worker")
async def test_what_is_refused_is_not_tried_again(client: Client, connections: Connections) -> None:
    cause = await failure(await start(client, connection="left", vessel="refused"))
    assert (cause.type, cause.non_retryable) == ("SystemRefused", True)
    assert cause.message == "the vessel: it will not be clamped. Next: give up."
    assert cause.cause is None
    assert len(calls(connections, "left")) == 1


@pytest.mark.usefixtures("worker")
async def test_what_may_pass_is_tried_again(client: Client, connections: Connections) -> None:
    result = await (await start(client, connection="left", vessel="contended")).result()
    assert result.by == "the left hand"
    assert len(calls(connections, "left")) == 3


@pytest.mark.usefixtures("worker")
async def test_a_careless_adapter_leaks_nothing_into_the_history_or_the_log(
    client: Client, connections: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    handle = await start(client, connection="left", vessel="careless")
    await handle.result()
    history = (await handle.fetch_history()).to_json()
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    assert len(calls(connections, "left")) == 3
    assert "Completing activity as failed" in logged
    assert "RuntimeError: unexpected RuntimeError at" in logged
    assert "in clamp" in logged
    assert "Bearer" not in history + logged
    assert SECRET not in history + logged
    assert "unexpected RuntimeError" in history  # the last failure of the retried attempt
