"""Recorded histories, whole or forged in one place."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from hemostat.audit.replay.strict import RunReplay, history_of, replay
from tests.replay.record import HISTORIES
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

RESOLVED = HISTORIES / "feedback-poisoning" / "resolved" / "01.json.gz"

Events = list[dict[str, Any]]


def events_of(file: Path = RESOLVED) -> Events:
    events: Events = json.loads(gzip.decompress(file.read_bytes()))["events"]
    return events


def packed(events: Events) -> WorkflowHistory:
    return history_of(json.dumps({"events": events}).encode())


def first(
    events: Events, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True
) -> int:
    """The place of the first event that has attributes of *kind*."""
    return next(n for n, e in enumerate(events) if kind in e and where(e[kind]))


def edit(payload: dict[str, Any], change: Callable[[Any], Any]) -> None:
    """Change the JSON in *payload*."""
    content = change(json.loads(base64.b64decode(payload["data"])))
    payload["data"] = base64.b64encode(json.dumps(content).encode()).decode()


async def replayed(
    *histories: WorkflowHistory, journal: Any = None, clocks: Any = None, exact: bool = False
) -> list[RunReplay]:
    playbooks = list(discover_playbooks().values())
    runs = replay(histories, playbooks, sandbox(), journal=journal, clocks=clocks, exact=exact)
    return [run async for run in runs]
