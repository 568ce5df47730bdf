"""The matrix: which faults at which points, some put into each incident, and compared.

The points come from the history of an undisturbed incident; what is compared with is what that
one left outside and in its record. Most of a disturbed incident is waiting for what failed to be
noticed, so an incident has several faults of a kind, as far from each other as there are points.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hemostat.drill.range.standins.standin import Lie
from schemas.errors import NotHeld
from schemas.incident import IncidentResult, Resolution
from schemas.journal import Entry, Kind, verify_chain
from tests.crash.course import Course
from tests.crash.fault import Act, Point, Trap, When, in_every_incident
from tests.crash.outside import Effects
from tests.crash.points import Fault, one_each, points, shared_out
from tests.crash.report import Report, Row
from tests.crash.scene import Scene
from tests.crash.sentiment_scene import SentimentScene

PATIENCE = 120.0
"""Seconds within which an incident, however disturbed, must have ended."""

STAND_INS = {
    "page": "pagerduty",
    "acknowledge_page": "pagerduty",
    "resolve_page": "pagerduty",
    "open_ticket": "servicenow",
}


@dataclass(frozen=True)
class Undisturbed:
    """What an incident leaves when nothing goes wrong."""

    acts: tuple[Act, ...]
    effects: Effects
    record: dict[str, Any]
    seconds: float
    incident: str


async def undisturbed(scene: Scene[Any]) -> Undisturbed:
    """Run an incident in peace."""
    course, began = await _begin(scene), time.monotonic()
    result, unfinished = await _finish(course)
    assert result is not None, unfinished
    seconds = time.monotonic() - began
    effects, record = await scene.outside.effects(course.id), await _record(course, result)
    return Undisturbed(tuple(await course.acts()), effects, record, seconds, course.id)


async def disturbed(
    scene: Scene[Any], fault: Fault, tried: Sequence[Point], peace: Undisturbed
) -> list[Row]:
    """Run an incident with a fault at each point *tried*, and say of each what differs."""
    rows = [
        Row(
            scene.playbook,
            fault,
            str(point),
            order=(scene.playbook, fault, peace.acts.index(point.act), point.when == "after"),
        )
        for point in tried
    ]
    await scene.outside.reset()
    scene.no_traps()
    for number, point in enumerate(tried):
        # A lost answer is arranged before the act, to be lost after it.
        at = Point(point.act, When.BEFORE) if fault is Fault.NO_ANSWER else point
        scene.trap(number).arm(at, kill=fault is Fault.WORKER_KILLED)
    course, began = await _begin(scene, reset=False), time.monotonic()
    one_by_one = asyncio.Lock()
    strikes = [
        asyncio.create_task(_strike(scene, fault, point, scene.trap(number), one_by_one))
        for number, point in enumerate(tried)
    ]
    result, unfinished = await _finish(course)
    for row, struck in zip(rows, strikes, strict=True):
        row.record_differs += unfinished
        if not struck.done():
            struck.cancel()
            row.record_differs.append("the fault did not strike")
    await asyncio.gather(*strikes, return_exceptions=True)
    if result is None:
        await scene.replace_worker()
        return rows
    took = time.monotonic() - began
    effects, record = await scene.outside.effects(course.id), await _record(course, result)
    for row, point, struck in zip(rows, tried, strikes, strict=True):
        row.took = took
        row.effects_differ += differences(peace.effects, effects)
        row.record_differs += differences(peace.record, record)
        if not struck.cancelled() and (over := await _over(course, fault, point)) is not None:
            row.recovered = (over - struck.result()).total_seconds()
    return rows


async def in_peace(scenes: Sequence[Scene[Any]], report: Report) -> list[Undisturbed]:
    """An undisturbed incident at each scene."""
    left = list(await asyncio.gather(*map(undisturbed, scenes)))
    took = max(one.seconds for one in left)
    name = scenes[0].playbook
    report.notes.append(f"{name}, undisturbed: {took:.1f} s from the alert to the close.")
    return left


async def disturb_all(
    scenes: Sequence[Scene[Any]],
    peace: Sequence[Undisturbed],
    fault: Fault,
    chosen: Iterable[Point],
    report: Report,
) -> None:
    """A fault at each point, as many incidents at once as there are scenes; fails if one differs."""
    waiting = deque(shared_out(list(chosen), at_least=len(scenes)))
    assert waiting
    incidents, rows = len(waiting), list[Row]()

    async def disturb(scene: Scene[Any], left: Undisturbed) -> None:
        while waiting:
            found = await disturbed(scene, fault, waiting.popleft(), left)
            rows.extend(found)
            report.rows.extend(found)

    began = time.monotonic()
    await asyncio.gather(*(map(disturb, scenes, peace)))
    took = time.monotonic() - began
    report.notes.append(
        f"{scenes[0].playbook}, {fault}: {len(rows)} faults, {incidents} incidents, {took:.0f} s."
    )
    failed = [row for row in rows if not row.held]
    assert not failed, "\n".join(
        f"{row.point}: {what}" for row in failed for what in row.effects_differ + row.record_differs
    )


async def kill_the_worker(
    scenes: Sequence[Scene[Any]], peace: Sequence[Undisturbed], report: Report, *, whole: bool
) -> None:
    """Once for each port that is the playbook's own; on both sides of every act if *whole*."""
    acts = peace[0].acts
    tried = points(Fault.WORKER_KILLED, acts) if whole else one_each(acts)
    await disturb_all(scenes, peace, Fault.WORKER_KILLED, tried, report)


async def told_when_done_twice(
    scene: Scene[Any], left: Undisturbed, do_again: Callable[[], Awaitable[None]]
) -> set[str]:
    """What differs when things are done again after an incident that differs in nothing."""
    again = await undisturbed(scene)
    assert differences(left.effects, again.effects) == []
    await do_again()
    twice = await scene.outside.effects(again.incident)
    return {what.split(":")[0] for what in differences(left.effects, twice)}


async def _over(course: Course, fault: Fault, point: Point) -> datetime | None:
    """When the act was known to be done; for a system that failed after it, its step proven."""
    if fault in {Fault.MLFLOW_DOWN, Fault.CADDY_DOWN} and point.when is When.AFTER:
        steps = [s for s in (await course.view()).steps if point.act.key.startswith(s.id)]
        proven = steps[0].proven_at if steps else None
        return None if proven is None else datetime.fromisoformat(proven)
    return (await course.acts()).get(point.act)


async def _begin(scene: Scene[Any], *, reset: bool = True) -> Course:
    if reset:
        await scene.outside.reset()
        scene.no_traps()
    scene.new_routing_key()
    return await Course.open(
        scene.client, scene.settings, scene.playbook, scene.service, scene.alert()
    )


async def _finish(course: Course) -> tuple[IncidentResult | None, list[str]]:
    """How it ended, or what it came to within our patience."""
    people = asyncio.create_task(course.people())
    try:
        async with asyncio.timeout(PATIENCE):
            return await course.result(), []
    except TimeoutError:
        says = [f"{e.kind.value}: {e.says}" for e in (await course.journal())[-8:]]
        await course.handle.terminate("the test gave up")
        return None, [f"not over after {PATIENCE:.0f} s; last: {says}"]
    finally:
        people.cancel()
        await asyncio.gather(people, return_exceptions=True)


async def _strike(
    scene: Scene[Any], fault: Fault, point: Point, trap: Trap, one_by_one: asyncio.Lock
) -> datetime:
    """Wait until the worker is at the point, do the harm, and say when."""
    while not trap.sprung:
        await asyncio.sleep(0.01)
    at = datetime.now(UTC)
    async with one_by_one:
        await _harm(scene, fault, point, trap)
    return at


async def _harm(scene: Scene[Any], fault: Fault, point: Point, trap: Trap) -> None:
    match fault:
        case Fault.WORKER_KILLED:
            await scene.worker_died()
            await scene.replace_worker()
        case Fault.TEMPORAL_KILLED:
            restart = asyncio.create_task(scene.restart_temporal(down=1.0))
            await asyncio.sleep(0.1)
            trap.let_go()
            await restart
        case Fault.MLFLOW_DOWN | Fault.CADDY_DOWN:
            assert isinstance(scene, SentimentScene)
            name = "mlflow" if fault is Fault.MLFLOW_DOWN else "caddy"
            await scene.range.kill(name)
            trap.let_go()
            await asyncio.sleep(2.0)
            await scene.range.revive(name)
        case Fault.NO_ANSWER:
            if standin := STAND_INS.get(point.act.port):
                await getattr(scene, standin).lie(Lie.HANG)
            else:
                for proxy in scene.proxies.values():
                    proxy.keep_next_answer = True
            trap.let_go()


async def _record(course: Course, result: IncidentResult) -> dict[str, Any]:
    """What the record says, in terms that are the same for every incident."""
    entries = await course.journal()
    steps = (await course.view()).steps
    return {
        "chain": _chain(entries, course.heads),
        "ended": Resolution(result.resolution).value,
        "steps": {in_every_incident(s.id): (s.state.value, s.attempt) for s in steps},
        "effects journaled": _counted(entries, Kind.EFFECT),
        "evidence journaled": _counted(entries, Kind.EVIDENCE),
        "pages journaled": _counted(entries, Kind.PAGE),
        "decisions journaled": _counted(entries, Kind.DECISION),
        "refusals journaled": _counted(entries, Kind.REFUSED),
    }


def _chain(entries: list[Entry], heads: dict[int, str]) -> str:
    """Whether the journal is whole, and still begins with everything that was ever shown of it."""
    try:
        verify_chain(entries)
    except NotHeld as error:
        return str(error)
    for length, head in sorted(heads.items()):
        if length > len(entries) or entries[length - 1].digest != head:
            lately = [f"{e.at[14:]} {e.step} {e.says[:70]}" for e in entries[: length + 3][-12:]]
            return f"entry {length - 1} of {len(entries)} is another one now; {lately}"
    return "holds"


def _counted(entries: list[Entry], kind: Kind) -> dict[str, int]:
    told = (f"{e.step or ''} {e.says}" for e in entries if e.kind is kind)
    return dict(Counter(in_every_incident(what) for what in told))


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What is not as it was in peace, a line each."""
    return [
        f"{name}: expected {expected[name]!r}, found {found[name]!r}"
        for name in expected
        if expected[name] != found[name]
    ]
