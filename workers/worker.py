"""A worker: playbooks and adapters on one task queue, until it is told to stop.

Law: it starts only when every playbook that a service names finds its adapters; otherwise it says,
a line each, what is missing. It holds no state: kill it at any moment, another goes on.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from hemostat.build import build_id
from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from workers.connections import Connections, close_adapters, connect_adapters, unwired
from workers.dispatch import activities_for
from workers.interceptors import FailuresInOurWords, keep_tracebacks_out_of_the_log
from workers.registry import AnyPort, all_ports, discover_playbooks
from workers.sandbox import sandbox
from workers.together import looking

GRACE: Final = timedelta(seconds=2)
"""How long running activities may finish after a stop; they are safe to cut and repeat."""

# A worker that was killed keeps its incidents' next decision waiting for this long (default 10 s).
_STICKY_FOR: Final = timedelta(seconds=1)
# A cancellation reaches an activity with its heartbeat, which the SDK holds back for up to this.
_HEARTBEAT_WITHIN: Final = timedelta(milliseconds=500)
# Every open incident may keep a watch, an activity that only waits; they must not crowd out the
# others. The SDK's default is 100.
_ACTIVITIES: Final = 1000
# What a worker keeps of an incident, some 0.2 MiB, saves reading its whole history for each signal
# and each question. The SDK's default is 1000: as many open incidents push each other out.
_INCIDENTS_KEPT: Final = 2500
# Blocking SDKs run in the loop's own threads, by default a few more than there are processors: one
# system that hangs would hold them all, and keep evidence from being sealed.
_THREADS: Final = 64

_log = logging.getLogger(__name__)


def make_worker(
    client: Client,
    task_queue: str,
    playbooks: Mapping[str, type],
    connections: Connections,
    ports: Iterable[AnyPort] | None = None,
) -> Worker:
    """Return a worker, not started; ``ports`` are all there are unless given."""
    keep_tracebacks_out_of_the_log()
    offered = tuple(all_ports() if ports is None else ports)
    activities = activities_for(offered, connections)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=list(playbooks.values()),
        activities=[*activities, looking(offered, activities)],
        workflow_runner=sandbox(),
        interceptors=[FailuresInOurWords()],
        max_cached_workflows=_INCIDENTS_KEPT,
        sticky_queue_schedule_to_start_timeout=_STICKY_FOR,
        max_heartbeat_throttle_interval=_HEARTBEAT_WITHIN,
        default_heartbeat_throttle_interval=_HEARTBEAT_WITHIN,
        max_concurrent_activities=_ACTIVITIES,
        graceful_shutdown_timeout=GRACE,
        # Only a name for this code: Temporal writes it into every workflow task, so that the
        # sealed history says what decided. No task is routed by it.
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="hemostat", build_id=build_id()),
            use_worker_versioning=False,
        ),
    )


async def run_worker(
    client: Client,
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Work until *stop* is set, or without one until SIGTERM or SIGINT; ``ready`` when polling.

    Raises ``ConfigurationError`` (all problems at once) before anything is started.
    """
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="adapter")
    asyncio.get_running_loop().set_default_executor(threads)
    playbooks = discover_playbooks()
    connections = connect_adapters(settings)
    try:
        if problems := unwired(settings, playbooks, connections):
            raise InvalidSettings(problems)
        worker = make_worker(client, settings.hemostat.task_queue, playbooks, connections)
        async with _stopping(stop) as stopped, worker:
            _log.info(
                "working on task queue %s: %s",
                settings.hemostat.task_queue,
                ", ".join(sorted(playbooks)) or "no playbooks",
            )
            if ready:
                ready()
            await stopped.wait()
    finally:
        await close_adapters(connections)


@asynccontextmanager
async def _stopping(given: asyncio.Event | None) -> AsyncIterator[asyncio.Event]:
    """An event that is set when this process should stop: the caller's, or the signals'."""
    if given is not None:
        yield given
        return
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
