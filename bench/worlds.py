"""The systems of the harder playbooks: a world in memory for each incident, behind one adapter."""

from collections.abc import Awaitable, Callable
from typing import Any

from bench.courses import COURSES, Course
from bench.marks import MarkSender
from hemostat.vault import Vault
from schemas.base import Frozen
from workers.connections import Connected, Connections
from workers.registry import AdapterType, all_ports


class Worlds:
    """Answers every port of one playbook as that incident's world; marks every call."""

    def __init__(self, course: Course, marks: MarkSender) -> None:
        self._course = course
        self._marks = marks
        self._worlds: dict[str, Any] = {}

    async def aclose(self) -> None:
        """Nothing is open."""

    async def check(self) -> list[str]:
        """Nothing can be wrong."""
        return []

    def __getattr__(self, name: str) -> Callable[[Any], Awaitable[Frozen]]:
        """The method for the port of this name."""
        if name.startswith("_") or not hasattr(self._course.world, name):
            raise AttributeError(name)

        async def act(request: Any) -> Frozen:
            self._marks.send(request.incident, name)
            world = self._worlds.get(request.incident)
            if world is None:
                world = self._worlds[request.incident] = self._course.world()
            answer = getattr(world, name)(request)
            if name == "resolve_page":  # the last act of an incident
                self._worlds.pop(request.incident)
            done: Frozen = await answer if isinstance(answer, Awaitable) else answer
            return done

        return act


class _Settings(Frozen):
    """It has none."""


def connections(marks: MarkSender) -> Connections:
    """One connection for each course, as ``workers.make_worker`` takes them."""
    made: dict[str, Connected] = {}
    for course in COURSES:
        adapter = Worlds(course, marks)

        def build(connection: Any, vault: Vault, adapter: Worlds = adapter) -> Worlds:
            return adapter

        offered = [port for port in all_ports() if hasattr(course.world, port.name)]
        methods = {port: port.name for port in offered}
        kind = AdapterType(course.playbook, _Settings, build, methods)
        made[course.playbook] = Connected(course.playbook, kind, adapter)
    return made
