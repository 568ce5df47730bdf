"""(b) How many whole incidents a second, and how many history events each.

A closed loop: so many incidents at once, each the whole feedback-poisoning playbook with all its
gates answered by signal as soon as they open. Hemostat and floor in turns.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from bench import alarms
from bench.bare import RESPONSE
from bench.latency import Progress
from bench.patience import patiently
from bench.people import People
from bench.stage import RHYTHM, Stage
from bench.worker import QUEUE
from hemostat.gateway.incident_signal import IncidentSignals

WITHIN: Final = 300.0
_HISTORIES: Final = 3

Open = Callable[[Stage, str], Awaitable[WorkflowHandle[Any, Any]]]


@dataclass
class Block:
    """One block of incidents of one side."""

    incidents: int
    seconds: float
    did: Counter[str]
    cpu: dict[str, float]
    handles: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Incidents a second."""
        return self.incidents / self.seconds


@dataclass(frozen=True)
class Events:
    """History events of one incident, by type, and its calls by port."""

    types: Counter[str]
    calls: Counter[str]
    size: int


async def open_ours(stage: Stage, case: str) -> WorkflowHandle[Any, Any]:
    """Start an incident with the gateway's own request."""
    there = alarms.destination(stage.settings, case)
    signals = IncidentSignals(QUEUE, stage.client)
    batch, request_id = alarms.batch(case), uuid.uuid4().hex
    await patiently(lambda: signals.signal_with_start(there, batch, request_id, again=True))
    return stage.client.get_workflow_handle(there.incident)


async def open_bare(stage: Stage, case: str) -> WorkflowHandle[Any, Any]:
    """Start a bare response with the same signal."""
    return await stage.client.start_workflow(
        RESPONSE,
        RHYTHM,
        id=f"{alarms.incident_of(case)}-bare",
        task_queue=QUEUE,
        start_signal=alarms.SIGNAL,
        start_signal_args=[alarms.as_signal(case)],
    )


async def measure(
    stage: Stage, *, rounds: int, incidents: int, at_once: int, say: Progress
) -> tuple[list[Block], list[Block]]:
    """Run *rounds* blocks of each side in turns, the first of a round alternating."""
    ours: list[Block] = []
    floor: list[Block] = []
    sides: list[tuple[str, Open, list[Block]]] = [
        ("Hemostat", open_ours, ours),
        ("floor", open_bare, floor),
    ]
    for number in range(rounds):
        for name, opener, blocks in sides:
            say(f"(b) round {number + 1} of {rounds}: {incidents} incidents, {name}")
            blocks.append(await _block(stage, opener, incidents, at_once))
        sides.reverse()
    return ours, floor


async def _block(stage: Stage, opener: Open, incidents: int, at_once: int) -> Block:
    waiting = iter(range(incidents))
    did: Counter[str] = Counter()
    handles: list[str] = []
    clock = asyncio.get_running_loop().time

    async def lane() -> None:
        for _ in waiting:
            handle = await opener(stage, uuid.uuid4().hex)
            people = People(handle, stage.marks)
            await asyncio.gather(handle.result(), people.answer_all())
            did.update(people.did)
            stage.marks.forget(handle.id)
            handles.append(handle.id)

    before, began = stage.cpu(), clock()
    async with asyncio.timeout(WITHIN):
        await asyncio.gather(*(lane() for _ in range(at_once)))
    seconds, after = clock() - began, stage.cpu()
    cpu = {name: after[name] - before[name] for name in after}
    return Block(incidents, seconds, did, cpu, handles)


async def events(stage: Stage, blocks: list[Block]) -> list[Events]:
    """Read the histories of a few incidents of each block."""
    return [
        await events_of(stage, incident)
        for block in blocks
        for incident in block.handles[:_HISTORIES]
    ]


async def events_of(stage: Stage, incident: str) -> Events:
    """Count the history events of one incident."""
    types: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    size = 0
    async for event in stage.client.get_workflow_handle(incident).fetch_history_events():
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        types["".join(word.capitalize() for word in name.split("_"))] += 1
        size += event.ByteSize()
        if event.HasField("activity_task_scheduled_event_attributes"):
            calls[event.activity_task_scheduled_event_attributes.activity_type.name] += 1
    return Events(types, calls, size)
