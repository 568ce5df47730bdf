"""What it costs, part by part: taken apart after the measuring, in this process, undisturbed.

Workflow code is replayed from recorded histories, which runs exactly the code that the worker ran
and nothing else. The gateway's work on one alert is run piece by piece. Both are without Temporal
and without HTTP; what they explain of a ratio is for the report to say.
"""

import asyncio
import cProfile
import pstats
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, WorkflowInstance, WorkflowRunner

from bench import alarms
from bench.bare import BareResponse
from bench.stage import Stage
from hemostat.gateway.delivery import Delivery
from hemostat.gateway.routing import destination_of
from hemostat.gateway.sources import alertmanager
from hemostat.temporal import runtime
from hemostat.vault import Vault
from schemas.alert import AlertBatch, AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_bytes
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

PARTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "journal: entries, canonical JSON, SHA-256": ("schemas/journal.py", ("add",)),
    "standing: search attributes and details": ("engine/record.py", ("publish",)),
    "gates": ("engine/gates.py", ("_open", "_elapse", "_until_next", "receive", "views")),
    "alerts": ("engine/intake.py", ("receive",)),
    "payloads in and out (pydantic, JSON)": (
        "temporalio/converter/_payload_converter.py",
        ("to_payloads", "from_payloads"),
    ),
}
"""A part's name to the functions (file, names) whose time, with all they call, it is."""


@dataclass(frozen=True)
class Replayed:
    """Replaying one incident, in milliseconds of processor time.

    ``load``: making the sandboxed instance, once a run; ``total``: all the activations; ``parts``
    of it may overlap.
    """

    load: float
    total: float
    parts: Mapping[str, float]


class _TimedRunner(WorkflowRunner):
    """The worker's runner; notes how long making an instance takes."""

    def __init__(self) -> None:
        self._runner = sandbox()
        self.spent: list[float] = []

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: Any) -> WorkflowInstance:
        began = time.thread_time()
        try:
            return self._runner.create_instance(det)
        finally:
            self.spent.append(1000 * (time.thread_time() - began))

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


async def replayed(history: WorkflowHistory, times: int) -> Replayed:
    """Replay *history* some times; the parts' shares are a profiler's, the total is not."""
    runner = _TimedRunner()
    await _replay(history, runner, None)
    totals = [await _replay(history, runner, None) for _ in range(times)]
    load = statistics.median(runner.spent)
    profile = cProfile.Profile()
    for _ in range(times):
        await _replay(history, runner, profile)
    stats = pstats.Stats(profile)
    whole = _cumulative(stats, "worker/_workflow_instance.py", ("activate",))
    total = statistics.median(totals)
    return Replayed(
        load,
        total,
        {name: total * _cumulative(stats, *where) / whole for name, where in PARTS.items()},
    )


def _cumulative(stats: pstats.Stats, file: str, functions: Sequence[str]) -> float:
    """Seconds in *functions* of *file*, with all that they call."""
    table: dict[Any, Any] = stats.stats  # type: ignore[attr-defined] # typeshed leaves it out
    return sum(
        float(row[3])
        for (name, _, function), row in table.items()
        if name.endswith(file) and function in functions
    )


async def _replay(
    history: WorkflowHistory, runner: WorkflowRunner, profile: cProfile.Profile | None
) -> float:
    """Replay once; return the workflow thread's own processor time in milliseconds."""
    started: list[float] = []
    executor = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()

    def begin() -> None:
        started.append(time.thread_time())
        if profile:
            profile.enable()

    def end() -> float:
        if profile:
            profile.disable()
        return 1000 * (time.thread_time() - started[0])

    await loop.run_in_executor(executor, begin)
    replayer = Replayer(
        workflows=[*discover_playbooks().values(), BareResponse],
        workflow_runner=runner,
        workflow_task_executor=executor,
        data_converter=pydantic_data_converter,
        runtime=runtime(),
    )
    await replayer.replay_workflow(history)
    spent = await loop.run_in_executor(executor, end)
    executor.shutdown()
    return spent


async def of_one_alert(stage: Stage, times: int) -> dict[str, float]:
    """What the gateway does with one alert, step by step, in milliseconds (medians)."""
    vault = Vault(stage.folder / "costs")
    steps: dict[str, list[float]] = {"normalise": [], "route": [], "seal": [], "encode": []}
    for number in range(times):
        body = alarms.body("costs", str(number))
        clock = [time.perf_counter()]
        raw = RawRef(digest=digest_bytes(body), size=len(body), media_type="application/json")
        delivery = Delivery(
            source="bench",
            kind="alertmanager",
            body=body,
            received_at=datetime.now(UTC),
            default_severity=AlertSeverity.MEDIUM,
            auth=Authenticity(scheme="bearer", key_id="bench/1"),
            raw=raw,
        )
        alerts = alertmanager.normalise(delivery).alerts
        clock.append(time.perf_counter())
        destination_of(stage.settings, alerts[0])
        clock.append(time.perf_counter())
        await vault.put(body, media_type="application/json", name="b", source="b", method="b")
        clock.append(time.perf_counter())
        await pydantic_data_converter.encode([AlertBatch(alerts=alerts)])
        clock.append(time.perf_counter())
        for name, began, ended in zip(steps, clock, clock[1:], strict=False):
            steps[name].append(1000 * (ended - began))
    return {name: statistics.median(values) for name, values in steps.items()}
