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

WITHIN: Final = 30.0


@dataclass(frozen=True)
class Moments:
    """One alert's times in milliseconds from the beginning of its POST."""

    answered: float
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
        status, answer = await connection.send("POST", path, body, TOKEN)
        answered = time.time_ns()
        if status != 202:
            raise RuntimeError(f"{path.split('/')[1]} answered {status}: {answer[:200]!r}")
        effect = await stage.marks.seen(incident, "isolate_endpoint")
        await stage.marks.seen(incident, "evaluate_candidate")
        await asyncio.sleep(0.1)  # it now waits at a gate; the next alert meets an idle machine
        proven = await _recorded(stage, incident, "compare_with_shadow")
        await stage.client.get_workflow_handle(incident).terminate()
    stage.marks.forget(incident)
    return Moments(*((moment - began) / 1e6 for moment in (answered, effect, proven)))


async def _recorded(stage: Stage, incident: str, port: str) -> int:
    """When the server wrote down the first command to call *port*, in ns since the epoch."""
    async for event in stage.client.get_workflow_handle(incident).fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == port:
            return event.event_time.ToNanoseconds()
    raise RuntimeError(f"{port} was never called")
