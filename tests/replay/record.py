"""Records the histories that the replay tests hold playbooks to: ``python -m tests.replay.record``.

Run it when a change of decisions is wanted; the old histories of the same names are replaced. With
names of scenarios as arguments it records these alone. A history names no person, machine or path.
"""

import asyncio
import gzip
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.replay.scenarios import OF_MANY_RUNS, SCENARIOS, WORLDS
from tests.replay.stage import Scenario, Stage
from tests.workflows.conftest import FLAGS, IMPATIENT, server
from tests.workflows.world import World
from workers.interceptors import FailuresInOurWords
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

HISTORIES = Path(__file__).parent / "histories"
RECORDER = "recorder"
"""The identity that recorded events carry; by default it would be a process and a host name."""


async def record(wanted: set[str]) -> None:
    """Record every scenario, or those that are *wanted*, of every playbook."""
    for flags, scenarios, suffix in (
        (FLAGS, SCENARIOS, ""),
        (FLAGS | IMPATIENT, OF_MANY_RUNS, "_in_many_runs"),
    ):
        async with server(flags) as env:
            env.client.service_client.config.identity = RECORDER
            for playbook, several in scenarios.items():
                for scenario in several:
                    name = f"{scenario.__name__}{suffix}"
                    if not wanted or name in wanted:
                        await _record(env, playbook, name, scenario)


async def _record(env: WorkflowEnvironment, playbook: str, name: str, scenario: Scenario) -> None:
    world = WORLDS.get(playbook, World)()
    async with Worker(
        env.client,
        task_queue=RECORDER,
        identity=RECORDER,
        workflows=list(discover_playbooks().values()),
        activities=world.activities(),
        workflow_runner=sandbox(),
        interceptors=[FailuresInOurWords()],
    ):
        case = await scenario(Stage(env, RECORDER, world))
        result = await case.result()
    folder = HISTORIES / playbook / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run: str | None = case.handle.first_execution_run_id
    runs = 0
    while run:
        runs += 1
        handle = env.client.get_workflow_handle(case.handle.id, run_id=run)
        history = await handle.fetch_history()
        _write(folder / f"{runs:02}.json.gz", history)
        last = history.events[-1].workflow_execution_continued_as_new_event_attributes
        run = last.new_execution_run_id or None
    print(f"{playbook}/{name}: {result.resolution.value}, {runs} runs")  # noqa: T201 - a command


def _write(file: Path, history: WorkflowHistory) -> None:
    text = json.dumps(without_places(json.loads(history.to_json())), separators=(",", ":"))
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as packed:  # no name, no time
        packed.write(text.encode())


def without_places(value: Any) -> Any:
    """Return *value* without stack traces: they name paths of this machine."""
    if isinstance(value, dict):
        return {k: without_places(v) for k, v in value.items() if k != "stackTrace"}
    if isinstance(value, list):
        return [without_places(inner) for inner in value]
    return value


if __name__ == "__main__":
    asyncio.run(record({*sys.argv[1:]}))
    sys.stdout.flush()
    os._exit(0)  # Temporal's core aborts a process now and then that ends soon after its worker
