"""What was decided once is decided again: recorded histories replay on the playbooks of today.

A change that breaks one of these would strand every incident that is open when it is deployed.
If it is wanted, `python -m tests.replay.record` records them anew.
"""

import gzip
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from tests.replay import variations
from tests.replay.record import HISTORIES, RECORDER
from tests.replay.scenarios import OF_MANY_RUNS, SCENARIOS
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

FILES = sorted(HISTORIES.rglob("*.json.gz"))


def text_of(file: Path) -> str:
    return gzip.decompress(file.read_bytes()).decode()


async def histories(files: list[Path]) -> AsyncIterator[WorkflowHistory]:
    for file in files:
        events = json.loads(text_of(file))
        started = events["events"][0]["workflowExecutionStartedEventAttributes"]
        yield WorkflowHistory.from_json(started["workflowId"], events)


async def replayed(
    files: list[Path], playbooks: list[type], runner: WorkflowRunner
) -> dict[str, Exception | None]:
    """Replay *files*; return the failure of each, or None."""
    replayer = Replayer(
        workflows=playbooks, workflow_runner=runner, data_converter=pydantic_data_converter
    )
    async with replayer.workflow_replay_iterator(histories(files)) as results:
        outcomes = [result.replay_failure async for result in results]
    names = [str(file.relative_to(HISTORIES)) for file in files]
    return dict(zip(names, outcomes, strict=True))


async def test_every_recorded_history_replays() -> None:
    failures = await replayed(FILES, list(discover_playbooks().values()), sandbox())
    assert len(failures) == len(FILES)
    assert {name: failure for name, failure in failures.items() if failure} == {}


@pytest.mark.parametrize(
    "changed", [variations.InvestigatesFirst, variations.SealsNothing, variations.CallsNobody]
)
async def test_a_changed_playbook_is_noticed(changed: type) -> None:
    files = [HISTORIES / "feedback-poisoning" / "resolved" / "01.json.gz"]
    (failure,) = (await replayed(files, [changed], UnsandboxedWorkflowRunner())).values()
    assert "Nondeterminism" in type(failure).__name__ or "TMPRL1100" in str(failure)


@pytest.mark.parametrize("name", sorted(discover_playbooks()))
def test_every_playbook_has_the_histories_of_its_scenarios(name: str) -> None:
    assert SCENARIOS.get(name), f"{name} has no scenario in tests/replay/scenarios.py"
    wanted = {scenario.__name__ for scenario in SCENARIOS[name]}
    wanted |= {f"{scenario.__name__}_in_many_runs" for scenario in OF_MANY_RUNS.get(name, ())}
    recorded = {folder.name for folder in (HISTORIES / name).iterdir() if [*folder.iterdir()]}
    assert recorded == wanted, "run: python -m tests.replay.record"


def test_histories_of_many_runs_have_many() -> None:
    for folder in HISTORIES.glob("*/*_in_many_runs"):
        assert len([*folder.iterdir()]) > 1, folder.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HISTORIES)))
def test_a_recorded_history_names_no_machine_no_path_and_no_process(file: Path) -> None:
    text = text_of(file)
    assert socket.gethostname() not in text
    assert not re.search(r"stackTrace|site-packages|\.py\b|@|/(?:home|root|tmp|usr|work)/", text)
    assert identities(json.loads(text)) <= {RECORDER, "history-service"}


def identities(value: Any) -> set[str]:
    """Every identity that an event carries."""
    if isinstance(value, dict):
        mine = {v for k, v in value.items() if k == "identity" and isinstance(v, str)}
        return mine.union(*(identities(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(identities(inner) for inner in value)) if value else set()
    return set()
