"""The stage: one tuned embedded Temporal, one worker, the real gateway, and the floor's handlers.

Each is a process of its own, as in production, and ends with this one. Everything is on loopback
and in one folder below ``var/``, which is removed in the end.
"""

import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from bench.courses import COURSES
from bench.marks import Marks
from bench.posting import Connection
from hemostat.processes import LOOPBACK, ChildProcess, free_ports
from hemostat.settings import Settings
from hemostat.temporal import connect
from hemostat.temporal.embedded import READY_WITHIN, start_embedded_temporal

ROOT: Final = Path(__file__).parents[1]
TOKEN: Final = "bench-token-of-this-run"  # noqa: S105 - lives as long as the run, on loopback
PLAYBOOK: Final = "feedback-poisoning"
SERVICE: Final = "sentiment-api"
RHYTHM: Final[dict[str, Any]] = {"looks": 3, "stage_looks": 2, "every": 0.001}
"""How often proofs look, and the seconds between: three looks as in production, but no waiting."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")

_TOML: Final = """\
[hemostat]
state = "state"

[gateway]
port = {port}

[sources.bench]
kind = "alertmanager"
token = "file:token"

[[routes]]
match = {{ alertname = "FeedbackPoisoningSuspected" }}
playbook = "feedback-poisoning"
service = "sentiment-api"
correlate_by = ["case"]

[services.sentiment-api]
playbooks = ["feedback-poisoning"]

[services.sentiment-api.connections]
gateway = "noop"
pager = "noop"
probes = "noop"
registry = "noop"
serving = "noop"
tickets = "noop"
vault = "noop"

[services.sentiment-api.parameters]
model = "sentiment"
baseline_negative_share = 0.4
baseline_accuracy = 0.96
looks = {looks}
look_every = {every}
stage_looks = {stage_looks}
stage_look_every = {every}

[connections.noop]
adapter = "noop"
"""


@dataclass(frozen=True)
class Stage:
    """What runs, and how to reach it."""

    client: Client
    marks: Marks
    settings: Settings
    folder: Path
    gateway_port: int
    floor_port: int
    processes: Mapping[str, int]
    """Name to process id; ``load`` is this one."""

    def cpu(self) -> dict[str, float]:
        """The processor time that each process has used so far, in seconds."""
        return {name: cpu_seconds(pid) for name, pid in self.processes.items()}


def cpu_seconds(pid: int) -> float:
    """User and system time of one process, all threads; 0 where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS


def busy_seconds() -> float:
    """The processor time that everything on this machine has used so far; 0 without /proc."""
    try:
        user, nice, system, _, _, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    except OSError:
        return 0.0
    return sum(map(int, (user, nice, system, irq, softirq))) / _TICKS


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Start everything, and end it."""
    (ROOT / "var").mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var"))
        )
        # Not below our own folder, whose path may be longer than a socket's name can be.
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        temporal_port, ui_port, gateway_port, floor_port = free_ports(4)
        config = folder / "hemostat.toml"
        harder = "".join(course.toml for course in COURSES)
        config.write_text(_TOML.format(port=gateway_port, **RHYTHM) + harder)
        (folder / "token").write_text(TOKEN)
        temporal = await stack.enter_async_context(
            await start_embedded_temporal(folder / "temporal", temporal_port, ui_port)
        )
        env = {
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_NAMESPACE": temporal.namespace,
            "HEMOSTAT_CONFIG": str(config),
            "BENCH_STATE": str(folder),
            "BENCH_MARKS": str(short / "marks"),
            "BENCH_PORT": str(floor_port),
            "BENCH_RHYTHM": json.dumps(RHYTHM),
            # As installed: with compiled files, which the sandbox reads anew for each incident.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(folder / "pycache"),
        }
        os.environ |= env
        marks = await stack.enter_async_context(Marks(short / "marks"))

        async def child(name: str, *module: str) -> ChildProcess:
            argv = [sys.executable, "-m", *module]
            log = folder / f"{name}.log"
            started = await ChildProcess.start(name, argv, log=log, env=env, cwd=ROOT)
            return await stack.enter_async_context(started)

        worker = await child("worker", "bench.worker")
        gateway = await child("gateway", "hemostat", "gateway")
        floor = await child("floor", "bench.floor")
        await gateway.wait_ready(lambda: _answers(gateway_port, "GET /readyz"), READY_WITHIN)
        await floor.wait_ready(lambda: _answers(floor_port, "POST /accept"), READY_WITHIN)
        try:
            yield Stage(
                client=await connect(identity="bench-load"),
                marks=marks,
                settings=Settings.load(config),
                folder=folder,
                gateway_port=gateway_port,
                floor_port=floor_port,
                processes={
                    "temporal": temporal.process.pid,
                    "worker": worker.pid,
                    "gateway": gateway.pid,
                    "floor": floor.pid,
                    "load": os.getpid(),
                },
            )
        except BaseException:
            for process in (worker, gateway, floor):
                print(f"--- the end of {process.name}'s log\n{process.log_tail()}", file=sys.stderr)
            raise


async def _answers(port: int, what: str) -> bool:
    method, _, path = what.partition(" ")
    async with Connection(LOOPBACK, port) as connection:
        status, _ = await connection.send(method, path)
        return status < 300
