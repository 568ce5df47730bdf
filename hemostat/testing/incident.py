"""One incident under test: wait for where it stands, answer as people would, skip time, keep it.

Everything that is waited for has a deadline in real time and fails with the journal so far.
"""

import asyncio
import gzip
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from schemas.alert import Alert, AlertBatch
from schemas.gate import Choice, Decision
from schemas.incident import Containment, GateView, IncidentResult, IncidentView, JournalQuery
from schemas.journal import Entry
from schemas.step import StepState

PATIENCE: Final = 30.0
"""Seconds of real time within which anything that is waited for must have happened."""
_POLL: Final = 0.02


@dataclass(frozen=True)
class Incident:
    """An incident that runs, or has run."""

    temporal: WorkflowEnvironment
    handle: WorkflowHandle[Any, IncidentResult]

    # What is known

    async def view(self) -> IncidentView:
        """Return where it stands."""
        return IncidentView.model_validate(await self._asked("incident"))

    async def journal(self) -> list[Entry]:
        """Return what happened, of this run."""
        told = await self._asked("journal", JournalQuery(limit=2000))
        return [Entry.model_validate(entry) for entry in told]

    async def told(self) -> str:
        """Return the journal of this run as text, a line an entry."""
        return "\n".join(f"  {e.seq} {e.kind} {e.says}" for e in await self.journal())

    # What is waited for

    async def until(self, holds: Callable[[IncidentView], bool], what: str) -> IncidentView:
        """Return the view that satisfies *holds*; ``AssertionError`` names *what* never happened."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not holds(view := await self.view()):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"never happened: {what}\n{await self.told()}")
            await asyncio.sleep(_POLL)
        return view

    async def until_contained(self) -> IncidentView:
        """Wait until what it contained is proven."""
        return await self.until(lambda v: v.containment is Containment.PROVEN, "it is contained")

    async def until_step(self, step: str, state: StepState) -> IncidentView:
        """Wait until the step with this id is in *state*."""
        return await self.until(
            lambda view: any(s.id == step and s.state is state for s in view.steps),
            f"the step {step} is {state}",
        )

    async def gate(self, gate: str) -> GateView:
        """Return the gate as people see it, once it is open."""
        view = await self.until(
            lambda view: any(g.policy.id == gate for g in view.gates), f"the gate {gate} opens"
        )
        return next(g for g in view.gates if g.policy.id == gate)

    async def result(self) -> IncidentResult:
        """Return what it left behind, once it has closed."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.handle.result()
        except TimeoutError:
            raise AssertionError(f"it never closed\n{await self.told()}") from None

    # What people and senders do

    async def approve(self, gate: str, *roles: str) -> None:
        """Approve at a gate once it is open: each role by another person, by default the first."""
        await self._answer(gate, Choice.APPROVE, roles)

    async def reject(self, gate: str, *roles: str) -> None:
        """Reject at a gate once it is open."""
        await self._answer(gate, Choice.REJECT, roles)

    async def send(self, *alerts: Alert) -> None:
        """More alerts arrive, or the end of one."""
        await self.handle.signal("alert", AlertBatch(alerts=alerts).model_dump(mode="json"))

    async def skip(self, time: timedelta) -> None:
        """Let *time* pass for this incident at once: each timer within it fires, in order."""
        await self.temporal.fast_forward(self.handle, time)

    # What is kept

    async def keep(self, folder: Path) -> None:
        """Write the history of each run to *folder*, for ``hemostat audit regress`` to replay.

        Files of that name are replaced. They hold what the alerts and the fakes said.
        """
        folder.mkdir(parents=True, exist_ok=True)
        run, number = self.handle.first_execution_run_id, 0
        while run:
            number += 1
            one = self.temporal.client.get_workflow_handle(self.handle.id, run_id=run)
            history = await one.fetch_history()
            text = json.dumps(_without_traces(json.loads(history.to_json())), sort_keys=True)
            file = folder / f"{number:02}.json.gz"
            file.write_bytes(gzip.compress(text.encode(), mtime=0))
            last = history.events[-1].workflow_execution_continued_as_new_event_attributes
            run = last.new_execution_run_id or None

    async def _answer(self, gate: str, choice: Choice, roles: tuple[str, ...]) -> None:
        view = await self.gate(gate)
        for role in roles or view.policy.roles[:1]:
            decision = Decision(
                decision_id=uuid.uuid4().hex,
                gate=gate,
                nonce=view.nonce,
                digest=view.digest,
                choice=choice,
                actor=f"one-{role}",
                role=role,
                reason="rehearsed",
            )
            await self.handle.signal("decide", decision.model_dump(mode="json"))

    async def _asked(self, query: str, *args: Any) -> Any:
        """Query; again where it meets the end of a run, or a worker that is not sure yet."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                return await self.handle.query(query, args=args, rpc_timeout=timedelta(seconds=5))
            except (WorkflowQueryFailedError, RPCError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(_POLL)


def _without_traces(value: Any) -> Any:
    """Return *value* without stack traces: they name paths of this machine."""
    if isinstance(value, dict):
        return {k: _without_traces(v) for k, v in value.items() if k != "stackTrace"}
    if isinstance(value, list):
        return [_without_traces(inner) for inner in value]
    return value
