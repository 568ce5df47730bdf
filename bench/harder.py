"""(d) The two harder playbooks: from an alert to containment, whole incidents, history events.

First one incident is watched closely: what it asked of Temporal is the floor's script, and after
which call each gate opened is when people look. Then Hemostat and floor in turns, as in (a) and (b).
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from temporalio.client import WorkflowHandle

from bench import script
from bench.alarms import SIGNAL
from bench.courses import COURSES, Course
from bench.latency import Progress
from bench.patience import look, patiently, signal
from bench.posting import Connection
from bench.scripted import SCRIPTED
from bench.stage import TOKEN, Stage
from bench.throughput import Block, Events, events_of
from bench.worker import QUEUE
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.processes import LOOPBACK
from schemas.canonical import digest_of
from schemas.gate import OnSilence

WITHIN: Final = 120.0
_LOOK: Final = 0.03
_WATCHED: Final = 5
"""Incidents watched at most until one's script can be followed."""
_ANYWAY: Final = 10.0
"""Seconds after which people look without having heard a cue. A slow machine can let an incident
take another course than the one that was watched: other calls, a gate more or less."""

Over = asyncio.Future[Any]
Open = Callable[[Stage, Course, str], Awaitable[WorkflowHandle[Any, Any]]]


@dataclass(frozen=True)
class Gate:
    """How a gate is answered: after which call it opens, and by how many."""

    cue: tuple[str, int]
    voices: int


@dataclass(frozen=True)
class Moments:
    """One alert's times in milliseconds from the beginning of its POST."""

    effect: float
    proven: float


@dataclass(frozen=True)
class Measured:
    """One playbook; of a pair, Hemostat's comes first."""

    playbook: str
    first: str
    gates: int
    latency: tuple[list[Moments], list[Moments]]
    throughput: tuple[list[Block], list[Block]]
    events: tuple[list[Events], list[Events]]


async def measure(
    stage: Stage, *, pairs: int, rounds: int, incidents: int, at_once: int, say: Progress
) -> list[Measured]:
    """Measure every course."""
    found = []
    for course in COURSES:
        say(f"(d) {course.playbook}: watching one incident")
        gates = await _learn(stage, course)
        for opener in (open_ours, open_floor):  # both sides' code has run before it is measured
            await _block(stage, course, opener, gates, 2, 2)
        latency = await _latency(stage, course, pairs, say)
        blocks: tuple[list[Block], list[Block]] = ([], [])
        for number in range(rounds):
            say(f"(d) {course.playbook}: round {number + 1} of {rounds}")
            order = [(open_ours, blocks[0]), (open_floor, blocks[1])]
            for opener, kept in order if number % 2 == 0 else reversed(order):
                kept.append(await _block(stage, course, opener, gates, incidents, at_once))
        ours, floor = [
            [await events_of(stage, name) for name in side[0].handles[:2]] for side in blocks
        ]
        found.append(
            Measured(course.playbook, course.first, len(gates), latency, blocks, (ours, floor))
        )
    return found


async def open_ours(stage: Stage, course: Course, case: str) -> WorkflowHandle[Any, Any]:
    """Start an incident with the gateway's own request."""
    there = course.destination(stage.settings, case)
    signals = IncidentSignals(QUEUE, stage.client)
    batch, request_id = course.batch(case), uuid.uuid4().hex
    await patiently(lambda: signals.signal_with_start(there, batch, request_id, again=True))
    return stage.client.get_workflow_handle(there.incident)


async def open_floor(stage: Stage, course: Course, case: str) -> WorkflowHandle[Any, Any]:
    """Start a scripted response with the same signal."""
    return await stage.client.start_workflow(
        SCRIPTED,
        course.playbook,
        id=f"{course.incident(case)}-bare",
        task_queue=QUEUE,
        start_signal=SIGNAL,
        start_signal_args=[course.batch(case).model_dump(mode="json")],
    )


# One incident, watched


async def _learn(stage: Stage, course: Course) -> dict[str, Gate]:
    """Keep the script of an incident that was watched, and return its gates.

    On a slow machine a task of the record can have come after more than it needed; then another
    incident is watched.
    """
    for _ in range(_WATCHED):
        gates, tasks = await _watch(stage, course)
        if script.goes_to(tasks, course.after):
            voices = {gate: known.voices for gate, known in gates.items()}
            script.keep(stage.folder, course.playbook, tasks, voices)
            return gates
    raise RuntimeError(f"no script of {course.playbook} goes to {course.after} without people")


async def _watch(stage: Stage, course: Course) -> tuple[dict[str, Gate], list[script.Task]]:
    """Answer one incident by looking all the time, once it is proven to be contained.

    People who spoke before would stand in the record as what a task of the containment came after.
    """
    handle = await open_ours(stage, course, uuid.uuid4().hex)
    gates: dict[str, Gate] = {}
    answered: set[str] = set()
    over = asyncio.ensure_future(handle.result())
    async with asyncio.timeout(WITHIN):
        await stage.marks.seen(handle.id, course.after)
        while not over.done():
            await asyncio.wait([over], timeout=_LOOK)
            if not over.done():
                await _answer_what_is_open(stage, handle, gates, answered)
    over.result()
    stage.marks.forget(handle.id)
    return gates, await script.script_of(await handle.fetch_history())


async def _answer_what_is_open(
    stage: Stage, handle: WorkflowHandle[Any, Any], gates: dict[str, Gate], answered: set[str]
) -> None:
    for shown in _asking(await look(handle)):
        policy = shown["policy"]
        if shown["nonce"] in answered:
            continue
        opened = datetime.fromisoformat(shown["opened_at"]).timestamp()
        cue = stage.marks.last_before(handle.id, int(opened * 1e9)) or ("page", 1)
        gates.setdefault(policy["id"], Gate(cue, policy["quorum"]))
        await _decide(handle, policy["id"], shown, policy["quorum"])
        answered.add(shown["nonce"])


def _asking(seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The open gates that ask something of somebody."""
    return [gate for gate in seen["gates"] if gate["policy"]["on_silence"] != OnSilence.STAND]


async def _decide(
    handle: WorkflowHandle[Any, Any], gate: str, shown: dict[str, Any], voices: int
) -> None:
    roles = shown["policy"]["roles"] if shown else ["anybody"]
    for voice in range(voices):
        said = {
            "decision_id": uuid.uuid4().hex,
            "gate": gate,
            "nonce": shown.get("nonce", uuid.UUID(int=0).hex),
            "digest": shown.get("digest", digest_of("bare")),
            "choice": "approve",
            "actor": f"person-{voice}",
            "role": roles[voice % len(roles)],
            "reason": "seen and agreed",
        }
        await signal(handle, "decide", said)


# Whole incidents


async def _block(
    stage: Stage, course: Course, opener: Open, gates: dict[str, Gate], count: int, at_once: int
) -> Block:
    waiting, handles = iter(range(count)), list[str]()
    did: Counter[str] = Counter()

    async def answer(handle: WorkflowHandle[Any, Any], name: str, gate: Gate, over: Over) -> None:
        heard = asyncio.ensure_future(stage.marks.seen(handle.id, *gate.cue))
        await asyncio.wait([heard, over], timeout=_ANYWAY, return_when=asyncio.FIRST_COMPLETED)
        pause = _LOOK / 3 if heard.done() else 10 * _LOOK
        heard.cancel()
        while not over.done():
            await asyncio.sleep(pause)
            seen = await look(handle)
            did["queries"] += 1
            bare = isinstance(seen, list)
            asking = [{}] if bare else [g for g in _asking(seen) if g["policy"]["id"] == name]
            if asking:
                await _decide(handle, name, asking[0], gate.voices)
                return

    async def answer_the_rest(handle: WorkflowHandle[Any, Any], over: Over) -> None:
        while not (await asyncio.wait([over], timeout=_ANYWAY))[0]:
            seen = await look(handle)
            did["queries"] += 1
            for shown in [] if isinstance(seen, list) else _asking(seen):
                policy = shown["policy"]
                if policy["id"] not in gates:
                    await _decide(handle, policy["id"], shown, policy["quorum"])

    async def lane() -> None:
        for _ in waiting:
            handle = await opener(stage, course, uuid.uuid4().hex)
            over = asyncio.ensure_future(handle.result())
            people = (answer(handle, name, gate, over) for name, gate in gates.items())
            await asyncio.gather(over, *people, answer_the_rest(handle, over))
            stage.marks.forget(handle.id)
            handles.append(handle.id)

    before, began = stage.cpu(), time.monotonic()
    async with asyncio.timeout(WITHIN + 10 * count):
        await asyncio.gather(*(lane() for _ in range(at_once)))
    seconds, after = time.monotonic() - began, stage.cpu()
    return Block(count, seconds, did, {n: after[n] - before[n] for n in after}, handles)


# From the alert


async def _latency(
    stage: Stage, course: Course, pairs: int, say: Progress
) -> tuple[list[Moments], list[Moments]]:
    ours: list[Moments] = []
    floor: list[Moments] = []
    async with (
        Connection(LOOPBACK, stage.gateway_port) as to_gateway,
        Connection(LOOPBACK, stage.floor_port) as to_floor,
    ):
        for number in range(pairs):
            say(f"(d) {course.playbook}: alert {number + 1} of {pairs}")
            case = uuid.uuid4().hex
            name = course.incident(case)
            ours.append(await _one(stage, course, to_gateway, "/alerts/bench", name, case))
            bare = f"{name}-bare"
            path = f"/script/{course.playbook}/{bare}"
            floor.append(await _one(stage, course, to_floor, path, bare, case))
    return ours, floor


async def _one(
    stage: Stage, course: Course, connection: Connection, path: str, incident: str, case: str
) -> Moments:
    body = course.body(case)
    async with asyncio.timeout(WITHIN):
        began = time.time_ns()
        await connection.taken(path, body, TOKEN)
        effect = await stage.marks.seen(incident, course.first)
        await stage.marks.seen(incident, course.after)
        await asyncio.sleep(0.1)
        proven = await _scheduled(stage, incident, course.after)
        await stage.client.get_workflow_handle(incident).terminate()
    stage.marks.forget(incident)
    return Moments((effect - began) / 1e6, (proven - began) / 1e6)


async def _scheduled(stage: Stage, incident: str, port: str) -> int:
    """When the server had the command that follows the proof, in ns since the epoch."""
    async for event in stage.client.get_workflow_handle(incident).fetch_history_events():
        if event.activity_task_scheduled_event_attributes.activity_type.name == port:
            return event.event_time.ToNanoseconds()
    raise RuntimeError("nothing followed the proof")
