"""(a) How long from an alert to the first containing effect, and to proof that it holds.

One alert at a time, Hemostat and floor in turns. Time begins when the load generator starts to
send the POST. The effect is when ``isolate_endpoint`` reaches the no-op adapter. Proven is when
the server has recorded the decision that follows the proof's last look: the moment at which the
next act, ``compare_with_shadow``, stands in the history (in Hemostat's, beside the new standing).
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench import alarms
from bench.posting import Connection
from bench.stage import TOKEN, Stage
from hemostat.processes import LOOPBACK

WITHIN: Final = 60.0


@dataclass(frozen=True)
class Moments:
    """One alert's times in milliseconds from the beginning of its POST.

    ``recorded``: the server has written down that it started; ``decided``: it has the worker's
    first decision, which holds the command to isolate.
    """

    answered: float
    recorded: float
    decided: float
    effect: float
    proven: float


Progress = Callable[[str], None]


async def measure(stage: Stage, pairs: int, say: Progress) -> tuple[list[Moments], list[Moments]]:
    """Measure *pairs* alerts through Hemostat, and as many through the floor, in turns."""
    ours: list[Moments] = []
    floor: list[Moments] = []
    async with (
        Connection(LOOPBACK, stage.gateway_port) as to_gateway,
        Connection(LOOPBACK, stage.floor_port) as to_floor,
    ):
        for number in range(pairs):
            say(f"(a) alert {number + 1} of {pairs}")
            case = uuid.uuid4().hex
            ours.append(await _one(stage, to_gateway, "/alerts/bench", case))
            floor.append(
                await _one(stage, to_floor, f"/start/{alarms.incident_of(case)}-bare", case)
            )
    return ours, floor


async def _one(stage: Stage, connection: Connection, path: str, case: str) -> Moments:
    bare = path.startswith("/start/")
    incident = path.rpartition("/")[2] if bare else alarms.incident_of(case)
    body = alarms.body(case)
    async with asyncio.timeout(WITHIN):
        began = time.time_ns()
        await connection.taken(path, body, TOKEN)
        answered = time.time_ns()
        effect = await stage.marks.seen(incident, "isolate_endpoint")
        await stage.marks.seen(incident, "evaluate_candidate")
        await asyncio.sleep(0.1)  # it now waits at a gate; the next alert meets an idle machine
        recorded, decided, proven = await _history(stage, incident)
        await stage.client.get_workflow_handle(incident).terminate()
    stage.marks.forget(incident)
    moments = (answered, recorded, decided, effect, proven)
    return Moments(*((moment - began) / 1e6 for moment in moments))


async def _history(stage: Stage, incident: str) -> tuple[int, int, int]:
    """When the server recorded the start, the first decision, and the command after the proof.

    In nanoseconds since the epoch, of the same clock.
    """
    recorded = decided = 0
    async for event in stage.client.get_workflow_handle(incident).fetch_history_events():
        moment = event.event_time.ToNanoseconds()
        recorded = recorded or moment
        if not decided and event.HasField("workflow_task_completed_event_attributes"):
            decided = moment
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "compare_with_shadow":
            return recorded, decided, moment
    raise RuntimeError("nothing followed the proof")
