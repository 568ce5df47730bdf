"""Everything on one machine: an embedded Temporal on a file, a worker, the gateway, the sealer.

Four child processes, each started again with back-off when it ends, and none that outlives us.
All state is in Temporal's file and the vault: killed at any moment, the next ``up`` on the same
folder goes on where it was, and waits for what its predecessor left to end. One ``up`` a folder:
the lock is the kernel's, so that a dead owner holds nothing.
"""

import asyncio
import fcntl
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx2
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from hemostat.audit.setup import first_key
from hemostat.processes import LOOPBACK, ChildFailed, ChildProcess
from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from hemostat.temporal import DEFAULT_NAMESPACE, connect_to
from hemostat.temporal.embedded import EmbeddedTemporal, start_embedded_temporal
from hemostat.terminal import clean
from schemas.errors import ConfigurationError, HemostatError
from workers.connections import close_adapters, connect_adapters, unwired
from workers.registry import discover_playbooks

TEMPORAL_PORT: Final = 7233
UI_PORT: Final = 8233

_PORT_FREE_WITHIN: Final = timedelta(seconds=15)
_READY_WITHIN: Final = timedelta(seconds=60)
_FIRST_PAUSE, _LONGEST_PAUSE, _HEALTHY_AFTER = 0.2, 10.0, 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    """Where things are, once everything is up."""

    gateway: str
    temporal: str
    namespace: str
    ui: str
    settings: Path
    state: Path


async def run_up(
    settings: Settings,
    stop: asyncio.Event,
    ready: Callable[[Running], None],
    *,
    temporal_port: int = TEMPORAL_PORT,
    ui_port: int = UI_PORT,
) -> None:
    """Run until *stop* is set. Raises ``ConfigurationError`` when a port or the folder is taken."""
    await _refuse_unwired(settings)
    first_key(settings)
    state = settings.state_folder
    gateway_port = settings.gateway.port
    async with _sole_use_of(state):
        for port, where in (
            (temporal_port, "--temporal-port"),
            (ui_port, "--ui-port"),
            (gateway_port, settings.where("gateway", "port")),
        ):
            await _port_is_free(port, where)
        temporal = _Temporal(state, temporal_port, ui_port)
        address = f"{LOOPBACK}:{temporal_port}"
        gateway_url = settings.gateway.address
        queue = settings.hemostat.task_queue
        parts = [
            _Part("the embedded Temporal", temporal.start),
            _Part(
                "the worker", _child("worker", settings, address, lambda: _polled(address, queue))
            ),
            _Part(
                "the gateway",
                _child("gateway", settings, address, lambda: _answers(f"{gateway_url}/readyz")),
            ),
            _Part("the sealer", _sealer(settings, address)),
        ]
        running = Running(
            gateway=gateway_url,
            temporal=address,
            namespace=DEFAULT_NAMESPACE,
            ui=f"http://{LOOPBACK}:{ui_port}",
            settings=settings.file.absolute(),
            state=state,
        )
        await _supervise(parts, stop, lambda: ready(running))


Start = Callable[[], Awaitable[ChildProcess]]


@dataclass
class _Part:
    """One child and how to start it; ``start`` returns when it is ready."""

    name: str
    start: Start
    child: ChildProcess | None = None

    async def keep_running(self) -> None:
        """Start it again whenever it ends, later and later while it keeps failing."""
        pause, loop = _FIRST_PAUSE, asyncio.get_running_loop()
        while self.child is not None:
            began = loop.time()
            status = await self.child.wait()
            if loop.time() - began > _HEALTHY_AFTER:
                pause = _FIRST_PAUSE
            said = "%s ended with status %d, see %s; starting it again"
            _log.warning(said, self.name, status, self.child.log)
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                try:
                    self.child = await self.start()
                    break
                except (HemostatError, OSError) as error:
                    _log.error("%s does not start: %s", self.name, error)


async def _supervise(parts: list[_Part], stop: asyncio.Event, ready: Callable[[], None]) -> None:
    keepers: list[asyncio.Task[None]] = []
    try:
        for part in parts:  # in order: each needs the one before
            _log.info("starting %s", part.name)
            part.child = await _first_start(part)
            keepers.append(asyncio.create_task(part.keep_running()))
        ready()
        await stop.wait()
    finally:
        for keeper in keepers:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
        for part in reversed(parts):
            if part.child is not None:
                await part.child.stop()


@dataclass
class _Temporal:
    """The embedded server, on the same folder and ports each time."""

    state: Path
    port: int
    ui_port: int
    server: EmbeddedTemporal | None = None

    async def start(self) -> ChildProcess:
        folder = self.state / "temporal"
        self.server = await start_embedded_temporal(folder, self.port, self.ui_port)
        return self.server.process


def _child(
    command: str, settings: Settings, address: str, ready: Callable[[], Awaitable[bool]]
) -> Start:
    """How to start ``hemostat COMMAND`` against the Temporal at *address* and nothing else."""
    environment = {
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": DEFAULT_NAMESPACE,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "TEMPORAL_API_KEY": "",  # one of another server is not sent to this one
        "TEMPORAL_TLS": "false",
    }

    async def start() -> ChildProcess:
        argv = [sys.executable, "-m", "hemostat", command]
        child = await ChildProcess.start(
            f"hemostat {command}",
            [*argv, "--config", str(settings.file.absolute())],
            log=settings.state_folder / f"{command}.log",
            env=environment,
        )
        try:
            await child.wait_ready(ready, _READY_WITHIN)
        except BaseException:
            await child.kill()
            raise
        return child

    return start


def _sealer(settings: Settings, address: str) -> Start:
    """How to start the sealer: it is ready when it has said so, in the log of this start."""
    log = settings.state_folder / "sealer.log"
    begins = 0

    async def says_so() -> bool:
        with suppress(FileNotFoundError), log.open("rb") as said:
            said.seek(begins)
            return b"sealing with key" in said.read()
        return False

    starting = _child("sealer", settings, address, says_so)

    async def start() -> ChildProcess:
        nonlocal begins
        begins = log.stat().st_size if log.exists() else 0
        return await starting()

    return start


async def _first_start(part: _Part) -> ChildProcess:
    """Start *part*; what does not start the first time is told, not tried again."""
    try:
        return await part.start()
    except ChildFailed as error:
        said = error.tail.splitlines()[-1:] or ["(no output)"]
        raise ConfigurationError(
            f"{part.name} {error.what}: {clean(said[0], 300)}",
            where=str(error.log),
            next_step="see its log, and `hemostat check`.",
        ) from error


async def _refuse_unwired(settings: Settings) -> None:
    """Raise ``InvalidSettings`` for what would keep the worker from starting."""
    connections = connect_adapters(settings)
    await close_adapters(connections)
    if problems := unwired(settings, discover_playbooks(), connections):
        raise InvalidSettings(problems)


async def _polled(address: str, task_queue: str) -> bool:
    """Whether a worker asks for work."""
    client = await connect_to(address)
    request = DescribeTaskQueueRequest(namespace=client.namespace)
    request.task_queue.name = task_queue
    request.task_queue_type = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    return bool((await client.workflow_service.describe_task_queue(request)).pollers)


async def _answers(url: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (await client.get(url, timeout=5)).status_code == 200


async def _port_is_free(port: int, where: str) -> None:
    """Wait while a predecessor that was killed lets the port go."""
    loop = asyncio.get_running_loop()
    give_up_at, told = loop.time() + _PORT_FREE_WITHIN.total_seconds(), False
    while not _can_bind(port):
        if loop.time() > give_up_at:
            raise ConfigurationError(
                f"port {port} is in use", where=where, next_step="choose another, or free it."
            )
        if not told:
            _log.info("port %d is in use; waiting for it", port)
            told = True
        await asyncio.sleep(0.1)


def _can_bind(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


@asynccontextmanager
async def _sole_use_of(state: Path) -> AsyncIterator[None]:
    """Hold the folder's lock; the kernel lets go of it when we end, however that is."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(state / "up.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
            raise ConfigurationError(
                f"`hemostat up` runs already (process {owner})",
                where=str(state),
                next_step="use that one, or stop it first.",
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)
