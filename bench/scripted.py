"""The floor of the harder playbooks: makes the calls of a recorded response, and nothing else.

The same requests to the same ports in the same order, beside each other where they were, with the
same sleeps between looks and the same signals waited for; it keeps no journal, no gates, no proofs
and no standing, and looks at no answer, be it a refusal: of two branches of a response the one that
was slower in the record may be the faster one here, and then a system is asked too early.
"""

import asyncio
from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from bench.script import WATCHES, kept, ports

SCRIPTED = "scripted-response"


@workflow.defn(name=SCRIPTED)
class ScriptedResponse:
    """One recorded response, made again."""

    @workflow.init
    def __init__(self, playbook: str) -> None:
        self._tasks, self._gates = kept(playbook)
        self._address = {"connection": playbook, "incident": workflow.info().workflow_id}
        self._missing = [len(task["after"]) for task in self._tasks]
        self._waiting: dict[str, list[int]] = {}
        for number, task in enumerate(self._tasks):
            for name in task["after"]:
                self._waiting.setdefault(name, []).append(number)
        self._decided = 0
        self._left = sum(len(task["do"]) for task in self._tasks)
        self._watching: list[asyncio.Task[None]] = []

    @workflow.signal(name="alert")
    def _alert(self, batch: dict[str, Any]) -> None:
        """It started us; nothing more is made of it."""

    @workflow.signal(name="decide")
    def _decide(self, decision: dict[str, Any]) -> None:
        self._decided += 1
        self._happened(f"decide {self._decided}")

    @workflow.query(name="incident")
    def _incident(self) -> list[str]:
        return self._gates

    @workflow.run
    async def run(self, playbook: str) -> None:
        """Do it all again: each task once what it came after has happened."""
        for number, missing in enumerate(self._missing):
            if missing == 0:
                self._begin(number)
        await workflow.wait_condition(lambda: self._left == 0)
        for watch in self._watching:
            watch.cancel()
        if self._watching:
            await workflow.wait(self._watching)

    def _happened(self, name: str) -> None:
        for number in self._waiting.pop(name, ()):
            self._missing[number] -= 1
            if self._missing[number] == 0:
                self._begin(number)

    def _begin(self, number: int) -> None:
        for what in self._tasks[number]["do"]:
            if "sleep" in what:
                asyncio.create_task(self._sleep(*what["sleep"]))  # noqa: RUF006 - it is waited for by count
                continue
            made = asyncio.create_task(self._call(*what["call"]))
            if what["call"][1].startswith(WATCHES):
                self._watching.append(made)
                self._left -= 1

    async def _sleep(self, name: str, seconds: float) -> None:
        await workflow.sleep(seconds)
        self._left -= 1
        self._happened(name)

    async def _call(self, name: str, port: str, request: dict[str, Any]) -> None:
        known = ports()[port]
        with suppress(ActivityError):
            await workflow.execute_activity(
                port,
                {**request, **self._address},
                start_to_close_timeout=known.attempt_within,
                heartbeat_timeout=known.heartbeat_within,
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        if not port.startswith(WATCHES):
            self._left -= 1
        self._happened(name)
