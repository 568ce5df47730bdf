"""A real Temporal server with per-workflow time, one worker, and a fresh world for each test."""

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker import Worker

from hemostat.temporal import ensure_namespace
from tests.workflows.world import World
from workers.interceptors import FailuresInOurWords
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

FLAGS = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "history.visibilityProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "frontend.namespaceRPS.visibility": "1000",  # as the embedded one is started
}

IMPATIENT = {
    "limit.historyCount.suggestContinueAsNew": "40",
    "history.workflowIdReuseMinimalInterval": '"1ms"',
}


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """The server; time passes as usual until a test skips it for one workflow."""
    async with server(FLAGS) as env:
        yield env


@pytest.fixture(scope="session")
async def impatient_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A server that finds every history long: an incident changes runs all the time."""
    async with server(FLAGS | IMPATIENT) as env:
        yield env


@asynccontextmanager
async def server(settings: dict[str, str]) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server with these dynamic settings."""
    flags = [arg for k, v in settings.items() for arg in ("--dynamic-config-value", f"{k}={v}")]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_extra_args=flags,
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=pydantic_data_converter,
    ) as env:
        await ensure_namespace(env.client)
        yield env


@pytest.fixture
def client(temporal: WorkflowEnvironment) -> Client:
    """A client of the server."""
    return temporal.client


@pytest.fixture
def world() -> World:
    """The systems outside."""
    return World()


@pytest.fixture
async def queue(client: Client, world: World) -> AsyncIterator[str]:
    """A task queue with every playbook and this test's world."""
    async with working(client, world) as name:
        yield name


@asynccontextmanager
async def working(client: Client, world: World) -> AsyncIterator[str]:
    """A worker with every playbook and *world*; yields its task queue."""
    name = f"q-{uuid.uuid4().hex[:8]}"
    async with decider(client, name, world):
        yield name


def decider(client: Client, queue: str, world: World | None = None) -> Worker:
    """A worker that decides, and also acts if it is given a *world*."""
    return Worker(
        client,
        task_queue=queue,
        workflows=list(discover_playbooks().values()),
        activities=world.activities() if world else [],
        workflow_runner=sandbox(),
        interceptors=[FailuresInOurWords()],
        # On a machine that is starved a decision may take longer than the two seconds after which
        # the SDK calls it a deadlock and fails the task; one that never ends meets pytest's bound.
        debug_mode=True,
    )


def actor(client: Client, queue: str, world: World) -> Worker:
    """A worker that only acts, on *world*."""
    return Worker(
        client,
        task_queue=queue,
        activities=world.activities(),
        interceptors=[FailuresInOurWords()],
    )
