"""The gateway on a real Temporal: one incident per harm, nothing lost, nothing half done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from hemostat.gateway import intake
from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.processes import free_port, free_ports
from hemostat.settings import Settings
from hemostat.temporal import connect_to, ensure_namespace
from hemostat.temporal.embedded import (
    EmbeddedTemporal,
    start_embedded_temporal,
    temporal_executable,
)
from hemostat.vault import Vault
from schemas.alert import AlertBatch, episode_mark
from schemas.incident import OpenIncident
from tests.webhooks import alert, webhook

pytestmark = [pytest.mark.real, pytest.mark.temporal]

TOML = """
[hemostat]
task_queue = "{queue}"

[sources.prometheus]
kind = "alertmanager"
token = "env:HEMOSTAT_TEST_TOKEN"

[[routes]]
match = {{ alertname = "FeedbackPoisoningSuspected" }}
playbook = "feedback-poisoning"
service = "{queue}"

[services.{queue}]
playbooks = ["feedback-poisoning"]
"""


@workflow.defn(name="feedback-poisoning")
class CountsAlerts:
    """An incident in miniature: counts alerts as an incident must, until it is closed."""

    @workflow.init
    def __init__(self, opening: OpenIncident) -> None:
        self.seen: dict[str, str] = {}
        self.signals = 0
        self.closed = False

    @workflow.run
    async def run(self, opening: OpenIncident) -> int:
        await workflow.wait_condition(lambda: self.closed and workflow.all_handlers_finished())
        episodes = {key.partition(" ")[2] for key in self.seen}
        workflow.upsert_memo({"hemostat_episodes": [episode_mark(e) for e in episodes]})
        return len(self.seen)

    @workflow.signal
    def alert(self, raw: dict[str, Any]) -> None:
        self.signals += 1
        for one in AlertBatch.model_validate(raw).alerts:
            self.seen[f"{one.delivery_key} {one.episode_key}"] = one.action.value

    @workflow.signal
    def close(self) -> None:
        self.closed = True

    @workflow.query
    def told(self) -> dict[str, Any]:
        return {"alerts": len(self.seen), "signals": self.signals, "all": list(self.seen.values())}


class Gateway:
    """A gateway in this process, with a service and a task queue of its own."""

    def __init__(self, client: Client, folder: Path, queue: str) -> None:
        settings = Settings.parse(TOML.format(queue=queue))
        self.client = client
        self.queue = queue
        app = gateway_app(settings, IncidentSignals(queue, client), Vault(folder / "vault"))
        self._transport = httpx2.ASGITransport(app=app)
        self._base = "http://gateway"

    async def post(self, body: bytes) -> httpx2.Response:
        async with httpx2.AsyncClient(transport=self._transport, base_url=self._base) as http:
            headers = {"Authorization": "Bearer s3cret"}
            return await http.post("/alerts/prometheus", content=body, headers=headers)

    async def incident(self, body: bytes) -> dict[str, Any]:
        answer = await self.post(body)
        assert answer.status_code == 202, answer.text
        (incident,) = answer.json()["incidents"]
        return dict(incident)

    def handle(self, incident: dict[str, Any]) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(incident["id"])


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedTemporal]:
    port, ui_port = free_ports(2)
    folder = tmp_path_factory.mktemp("temporal")
    async with await start_embedded_temporal(folder, port, ui_port) as server:
        yield server


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMOSTAT_TEST_TOKEN", "s3cret")


@pytest.fixture
async def gateway(temporal: EmbeddedTemporal, tmp_path: Path) -> Gateway:
    client = await connect_to(temporal.address)
    return Gateway(client, tmp_path, f"service-{free_port()}")


def worker(gateway: Gateway) -> Worker:
    return Worker(
        gateway.client,
        task_queue=gateway.queue,
        workflows=[CountsAlerts],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def signal_events(handle: WorkflowHandle[Any, Any]) -> list[str]:
    signaled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        async for event in handle.fetch_history_events()
        if event.event_type == signaled
    ]


async def test_a_burst_is_one_incident_with_every_alert_and_few_signals(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 60.0)  # a thousand at once, in one process
    bodies = [webhook(alert(fingerprint=f"{n:016x}")) for n in range(1000)]
    async with worker(gateway):
        answers = await asyncio.gather(*(gateway.incident(body) for body in bodies))
        assert len({answer["id"] for answer in answers}) == 1
        assert [answer["status"] for answer in answers].count("opened") == 1
        told = await gateway.handle(answers[0]).query(CountsAlerts.told)
    assert told["alerts"] == 1000
    assert told["signals"] < 500
    assert len(await signal_events(gateway.handle(answers[0]))) == told["signals"]


async def test_no_worker_is_needed_and_the_list_of_incidents_knows_it_at_once(
    gateway: Gateway,
) -> None:
    incident = await gateway.incident(webhook())
    described = await gateway.handle(incident).describe()
    assert await described.static_summary() == f"feedback-poisoning on {gateway.queue}"
    async with asyncio.timeout(10):
        query = f"HemostatService = '{gateway.queue}' AND HemostatDrill = false"
        while not [found.id async for found in gateway.client.list_workflows(query)]:
            await asyncio.sleep(0.05)


async def test_the_server_knows_a_delivery_again_that_another_gateway_has_sent(
    gateway: Gateway, tmp_path: Path
) -> None:
    other = Gateway(gateway.client, tmp_path / "other", gateway.queue)
    incident = await gateway.incident(webhook())
    assert (await other.incident(webhook()))["status"] == "joined"
    assert len(await signal_events(gateway.handle(incident))) == 1


async def test_a_resolve_before_its_firing_is_kept(gateway: Gateway) -> None:
    async with worker(gateway):
        incident = await gateway.incident(webhook(alert(status="resolved")))
        await gateway.incident(webhook())
        told = await gateway.handle(incident).query(CountsAlerts.told)
    assert told["all"] == ["close", "open"]


async def test_a_closed_episode_stays_closed_and_a_new_one_opens_a_new_run(
    gateway: Gateway, tmp_path: Path
) -> None:
    async with worker(gateway):
        first = await gateway.incident(webhook())
        run = (await gateway.handle(first).describe()).run_id
        await gateway.handle(first).signal(CountsAlerts.close)
        await gateway.handle(first).result()

        fresh = Gateway(gateway.client, tmp_path / "fresh", gateway.queue)
        for repeat in (gateway, fresh):
            stale = await repeat.incident(webhook(receiver="another"))
            assert stale["status"] == "already-closed"
        assert (await gateway.handle(first).describe()).run_id == run

        again = await fresh.incident(webhook(alert(startsAt="2026-11-25T00:00:00Z")))
        assert (again["id"], again["status"]) == (first["id"], "opened")
        assert (await gateway.handle(first).describe()).run_id != run


async def test_alerts_that_race_with_closing_are_all_counted(gateway: Gateway) -> None:
    done = asyncio.Event()
    incident = await gateway.incident(webhook())
    handle = gateway.handle(incident)

    async def close() -> None:
        with suppress(RPCError):  # it is closed already
            await handle.signal(CountsAlerts.close)

    async def send(body: bytes) -> None:
        async with asyncio.timeout(20):
            while (await gateway.post(body)).status_code == 503:
                await asyncio.sleep(0.05)  # as every sender does

    async def close_again_and_again() -> None:
        while not done.is_set():
            await close()
            await handle.result(follow_runs=False)
            await asyncio.sleep(0.005)
            async with asyncio.timeout(20):
                while (await handle.describe()).status != 1 and not done.is_set():
                    await asyncio.sleep(0.005)

    async with worker(gateway):
        closing = asyncio.create_task(close_again_and_again())
        for wave in range(20):
            bodies = [webhook(alert(fingerprint=f"{wave:08x}{n:08x}")) for n in range(10)]
            await asyncio.gather(*(send(body) for body in bodies))
        done.set()
        await close()
        await closing
        await close()
        query = f"WorkflowId = '{incident['id']}'"
        async with asyncio.timeout(20):
            while True:
                runs = [found async for found in gateway.client.list_workflows(query)]
                if all(run.status is not None and run.status != 1 for run in runs):
                    break
                await asyncio.sleep(0.1)
        counted = [
            await gateway.client.get_workflow_handle(run.id, run_id=run.run_id).result()
            for run in runs
        ]
    assert len(runs) > 1
    assert sum(counted) == 201


async def test_temporal_down_is_503_in_time_and_the_retry_is_taken_after_its_restart(
    tmp_path: Path,
) -> None:
    port, ui_port = free_ports(2)
    server = await start_embedded_temporal(tmp_path / "temporal", port, ui_port)
    gateway = Gateway(await connect_to(server.address), tmp_path, "service")
    try:
        await gateway.incident(webhook())
        await server.kill()
        body = webhook(alert(fingerprint="b" * 16))
        began = asyncio.get_running_loop().time()
        refused = await gateway.post(body)
        assert refused.status_code == 503, refused.text
        assert asyncio.get_running_loop().time() - began < 3
        assert set(refused.json()) == {"error", "where", "next"}

        server = await start_embedded_temporal(tmp_path / "temporal", port, ui_port)
        async with asyncio.timeout(20):
            while (await gateway.post(body)).status_code == 503:
                await asyncio.sleep(0.1)
        async with worker(gateway):
            told = await gateway.handle(await gateway.incident(body)).query(CountsAlerts.told)
        assert told["alerts"] == 2
    finally:
        await server.kill()


async def test_an_incident_that_can_take_no_more_signals_is_a_clear_503(tmp_path: Path) -> None:
    async with await WorkflowEnvironment.start_local(
        namespace="hemostat",
        dev_server_existing_path=str(temporal_executable()),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "history.maximumSignalsPerExecution=3",
        ],
    ) as environment:
        client = await connect_to(environment.client.service_client.config.target_host)
        await ensure_namespace(client)
        gateway = Gateway(client, tmp_path, "service")
        answers = [await gateway.post(webhook(alert(fingerprint=f"{n:016x}"))) for n in range(5)]
    assert [answer.status_code for answer in answers[:3]] == [202] * 3
    assert answers[-1].status_code == 503
    assert "as many signals" in answers[-1].json()["error"]
