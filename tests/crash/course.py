"""One incident from its alert to its close, with people who answer at once, and what it left."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from hemostat.incidents import journal_from, view
from hemostat.settings import Settings
from hemostat.speaking import send
from hemostat.speaking.decisions import decision_for
from schemas.alert import Alert
from schemas.errors import HemostatError
from schemas.gate import Choice, OnSilence
from schemas.incident import GateView, IncidentResult, IncidentView, OpenIncident
from schemas.journal import Entry
from schemas.standing_proof import StandingProof
from tests.crash.fault import Act
from tests.workflows.case import batch

LOOK_EVERY = 0.1
TASKS_ANEW = timedelta(seconds=3)
"""How long Temporal waits for a worker that died within a decision; else ten, Temporal's own."""


@dataclass
class Course:
    """An incident that runs, or ran."""

    client: Client
    handle: WorkflowHandle[Any, IncidentResult]
    heads: dict[int, str] = field(default_factory=dict)
    """What the journal's head was, by length, whenever somebody looked."""

    @classmethod
    async def open(
        cls,
        client: Client,
        settings: Settings,
        playbook: str,
        name: str,
        alert: Alert,
        looks: StandingProof | None = None,
    ) -> "Course":
        """Start it as the gateway does, with an alert; *looks*: another rhythm than it has."""
        service = settings.service(name)
        if looks is not None:
            service = service.model_copy(update={"standing_proof": looks})
        handle: WorkflowHandle[Any, IncidentResult] = await client.start_workflow(
            playbook,
            OpenIncident(playbook=playbook, service=service, drill=True),
            id=f"drill-{playbook}-{uuid.uuid4().hex[:12]}",
            task_queue=settings.hemostat.task_queue,
            task_timeout=TASKS_ANEW,
            result_type=IncidentResult,
            start_signal="alert",
            start_signal_args=[batch(alert)],
        )
        return cls(client, handle)

    @property
    def id(self) -> str:
        """The incident's id."""
        return self.handle.id

    async def people(self) -> None:
        """Approve at every gate that asks somebody, as soon as it opens; until cancelled."""
        answered: set[str] = set()
        while True:
            with suppress(HemostatError, RPCError):
                seen = await view(self.client, self.id)
                self.heads[seen.journal_length] = seen.journal_head
                for gate in seen.gates:
                    if gate.nonce not in answered and gate.policy.on_silence is not OnSilence.STAND:
                        await self._approve(gate)
                        answered.add(gate.nonce)
            await asyncio.sleep(LOOK_EVERY)

    async def _approve(self, gate: GateView) -> None:
        for number in range(gate.policy.quorum):
            role = gate.policy.roles[min(number, len(gate.policy.roles) - 1)]
            decision = decision_for(
                gate, Choice.APPROVE, actor=f"one-{role}", role=role, reason="seen and agreed"
            )
            await send(self.client, self.id, decision)

    async def result(self) -> IncidentResult:
        """What it left behind, through whatever happens to Temporal."""
        while True:
            try:
                result = await self.handle.result()
                self.heads[result.journal_length] = result.journal_head
                return result
            except RPCError:
                await asyncio.sleep(LOOK_EVERY)

    async def view(self) -> IncidentView:
        """Where it stands."""
        return await view(self.client, self.id)

    async def until(self, holds: Callable[[IncidentView], bool]) -> IncidentView:
        """Wait until the view satisfies *holds*, for a minute at most."""
        async with asyncio.timeout(60):
            while not holds(seen := await self.view()):
                await asyncio.sleep(LOOK_EVERY)
        return seen

    async def journal(self) -> list[Entry]:
        """The whole journal."""
        return list(await journal_from(self.client, self.id, 0))

    async def acts(self) -> dict[Act, datetime | None]:
        """Every effectful act of the history in order, and when it was known to be done."""
        description = await self.handle.describe()
        run = description.run_id or ""
        scheduled: dict[int, Act] = {}
        done: dict[Act, datetime] = {}
        for event in (await self.handle.fetch_history()).events:
            match event.event_type:
                case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                    asked = event.activity_task_scheduled_event_attributes
                    (request,) = await self.client.data_converter.decode(asked.input.payloads)
                    if key := request.get("key"):
                        act = Act.of(asked.activity_type.name, key, self.id, run)
                        scheduled[event.event_id] = act
                case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                    completed = event.activity_task_completed_event_attributes
                    if (found := scheduled.get(completed.scheduled_event_id)) is not None:
                        done[found] = event.event_time.ToDatetime(UTC)
        return {act: done.get(act) for act in scheduled.values()}
