"""What a recorded response asked of Temporal, step by step: the floor does the same and no more.

A task is what one decision commanded, and what had happened before it. Kept in files below
``BENCH_STATE``: the floor's workflow reads them, and a script in its input would lengthen its
history.
"""

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from workers.registry import AnyPort, all_ports

WATCHES = "watch_"
"""How the ports begin that end when something changes, or never."""

Task = dict[str, Any]
"""``after``: names of what it waits for; ``do``: calls (name, port, request) and sleeps."""


async def script_of(history: WorkflowHistory) -> list[Task]:
    """Return the tasks of a response; timers that never fired and the standing are left out."""
    events = history.events
    timers = {e.timer_fired_event_attributes.started_event_id for e in events}
    tasks: list[Task] = []
    after: list[str] = []
    names: dict[int, str] = {}
    decided = 0
    for event in events:
        if event.HasField("workflow_task_completed_event_attributes"):
            tasks.append({"after": after, "do": []})
            after = []
        elif (what := await _commanded(event, timers)) is not None:
            (names[event.event_id], *_) = next(iter(what.values()))
            tasks[-1]["do"].append(what)
        elif (begun := _ended(event)) in names:
            after.append(names[begun])
        elif event.workflow_execution_signaled_event_attributes.signal_name == "decide":
            decided += 1
            after.append(f"decide {decided}")
    return tasks


async def _commanded(event: HistoryEvent, timers: set[int]) -> dict[str, list[Any]] | None:
    if event.HasField("activity_task_scheduled_event_attributes"):
        asked = event.activity_task_scheduled_event_attributes
        (request,) = await pydantic_data_converter.decode(asked.input.payloads)
        port = asked.activity_type.name
        return {"call": [f"{port} {event.event_id}", port, request]}
    if event.HasField("timer_started_event_attributes") and event.event_id in timers:
        lasts = event.timer_started_event_attributes.start_to_fire_timeout
        return {"sleep": [f"sleep {event.event_id}", lasts.ToNanoseconds() / 1e9]}
    return None


def _ended(event: HistoryEvent) -> int:
    """The event that began what this one says is done; 0 for any other."""
    if event.HasField("activity_task_completed_event_attributes"):
        return event.activity_task_completed_event_attributes.scheduled_event_id
    return event.timer_fired_event_attributes.started_event_id


def goes_to(tasks: list[Task], port: str) -> bool:
    """Whether a script calls *port* with nobody deciding anything and no watch telling anything.

    A task of the record came after all that had happened since the one before; which of it it
    needed the record does not say. A script that waits there for what only people cause is none
    to measure the way to containment with.
    """
    happened: set[str] = set()
    left = list(tasks)
    while ready := [task for task in left if happened.issuperset(task["after"])]:
        left = [task for task in left if task not in ready]
        for what in (what for task in ready for what in task["do"]):
            name, called, *_ = next(iter(what.values()))
            if "call" in what and called == port:
                return True
            if not name.startswith(WATCHES):
                happened.add(name)
    return False


def keep(folder: Path, playbook: str, tasks: list[Task], gates: Mapping[str, int]) -> None:
    """Keep a script, and the gates with their voices, for ``kept``."""
    text = json.dumps({"tasks": tasks, "gates": gates})
    (folder / f"script-{playbook}.json").write_text(text, "utf-8")


@functools.cache
def ports() -> Mapping[str, AnyPort]:
    """Every port by its name."""
    return {port.name: port for port in all_ports()}


@functools.cache
def kept(playbook: str) -> tuple[list[Task], list[str]]:
    """The script of a playbook, and its gates."""
    file = Path(os.environ["BENCH_STATE"]) / f"script-{playbook}.json"
    found = json.loads(file.read_text("utf-8"))
    return found["tasks"], list(found["gates"])
