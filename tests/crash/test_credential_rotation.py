"""Wherever a worker dies in a rotation, in the whole playbook, against a real cloud: no key is left
in use that should be dead, none is made twice, none is lost.

The worker is killed (-9) at every act on a credential of one incident, one after the other: at one
scene before each and, while the new key is made, where its secret is in the worker's memory alone,
and where it is stored and nobody knows; at another scene after each.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from schemas.incident import Containment, Resolution
from schemas.journal import Kind, verify_chain
from tests.crash.course import Course
from tests.crash.fault import ANY, Act, Point, When
from tests.crash.rotation_scene import RotationScene

pytestmark = [pytest.mark.real, pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(600)]

WITHIN = 240
"""Seconds within which both incidents must have ended."""
REVOKED = ("deactivate_key", "deny_older_sessions")
ROTATED = ("create_key", "distribute_key", "reload_credentials", "retire_keys", "delete_key")
BEFORE = (*REVOKED, *ROTATED)
AFTER = (*REVOKED, *REVOKED, *ROTATED)
"""First what the insider holds is revoked, then what the assistant holds."""
AS_IT_SHOULD_BE = {
    "keys of its own": ["Active"],
    "the old one is gone": True,
    "what is stored is the one": True,
    "what is stored works": True,
    "the old one is refused": True,
    "the assistant uses it": True,
    "keys of the insider": ["Inactive"],
    "the insider's is refused": True,
    "nothing is left of it": [],
}


@pytest.fixture(scope="module")
async def places() -> AsyncIterator[list[RotationScene]]:
    async with AsyncExitStack() as stack:
        made = [RotationScene() for _ in range(2)]
        yield list(await asyncio.gather(*map(stack.enter_async_context, made)))


async def opened(scene: RotationScene) -> Course:
    """An incident at that scene."""
    return await Course.open(
        scene.client, scene.settings, scene.playbook, scene.service, scene.alert()
    )


async def die_at(scene: RotationScene, when: When, acts: tuple[str, ...]) -> int:
    """Kill each worker that comes to the next of *acts*; how many died."""
    deaths = 0
    for port in acts:
        trap = scene.trap()
        trap.arm(Point(Act(port, ANY), when), kill=True)
        while not trap.sprung:
            await asyncio.sleep(0.01)
        await scene.worker_died()
        await scene.replace_worker()
        deaths += 1
    return deaths


class WhileItIsMade:
    """Kills the worker twice while the new key is made, at the request that stores its secret."""

    def __init__(self, scene: RotationScene) -> None:
        self._scene = scene
        self.deaths: list[str] = []
        self.orphans: set[str] = set()
        scene.cloud_proxy.before = self.before

    async def before(self, method: str, path: str) -> None:
        target = self._scene.cloud_proxy.headers[-1].get("X-Amz-Target", "")
        if not target.endswith("PutSecretValue") or len(self.deaths) == 2:
            return
        if not self.deaths:  # made, and its secret is in the memory of that worker alone
            self.deaths.append("made, not stored")
            self.orphans = set(await asyncio.to_thread(self._scene.keys, "p-assistant"))
            await self._scene.replace_worker()
            await asyncio.Event().wait()  # it never arrives
        self.deaths.append("stored, not known")
        asyncio.get_running_loop().call_later(0.3, self._kill)

    def _kill(self) -> None:
        self._killing = asyncio.ensure_future(self._scene.replace_worker())


async def test_killed_anywhere_one_key_works_and_it_is_the_one_in_use(
    places: list[RotationScene],
) -> None:
    first, second = places
    made = WhileItIsMade(first)
    courses = [await opened(scene) for scene in places]
    people = [asyncio.create_task(course.people()) for course in courses]
    dying = [
        asyncio.create_task(die_at(first, When.BEFORE, BEFORE)),
        asyncio.create_task(die_at(second, When.AFTER, AFTER)),
    ]
    try:
        async with asyncio.timeout(WITHIN):
            results = [await course.result() for course in courses]
            deaths = [await task for task in dying]
    except TimeoutError:
        last = [[e.says for e in (await course.journal())[-6:]] for course in courses]
        raise AssertionError(f"not over after {WITHIN} s: {last}, {made.deaths}") from None
    finally:
        for task in (*people, *dying):
            task.cancel()
        await asyncio.gather(*people, *dying, return_exceptions=True)
    assert deaths == [len(BEFORE), len(AFTER)]
    assert made.deaths == ["made, not stored", "stored, not known"]
    for scene, course, result in zip(places, courses, results, strict=True):
        assert (result.resolution, result.containment) == (
            Resolution.RESOLVED,
            Containment.PROVEN,
        )
        assert await scene.everything_about_keys() == AS_IT_SHOULD_BE
        entries = await course.journal()
        verify_chain(entries)
        effects = [entry.says for entry in entries if entry.kind is Kind.EFFECT]
        assert sum("create_key" in says for says in effects) == 1
    lost = made.orphans - set(first.keys("p-assistant"))
    assert len(made.orphans) == 2  # the one from before, and the one whose secret died
    assert lost == made.orphans  # neither is there any more
