"""One incident under test: start it with an alert, answer its gates, read its record."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from hemostat.gateway.incident_signal import listed_at_start
from hemostat.gateway.routing import opening_of
from schemas.alert import Alert, AlertAction, AlertBatch, AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_of
from schemas.gate import Choice, Decision
from schemas.incident import (
    GateOverride,
    GateView,
    IncidentResult,
    IncidentView,
    JournalQuery,
    Service,
)
from schemas.journal import Entry, Kind
from schemas.step import StepState
from tests.workflows.voice import Voice

PATIENCE = 20.0
"""Seconds of real time within which anything a test waits for must have happened."""

CONNECTIONS = {
    name: name
    for name in (
        "clocks",
        "gateway",
        "registry",
        "serving",
        "probes",
        "pager",
        "tickets",
        "vault",
    )
}


def service(gates: dict[str, GateOverride] | None = None, **parameters: Any) -> Service:
    """A service with every connection and quick looks."""
    quick = {
        "model": "sentiment",
        "baseline_negative_share": 0.4,
        "baseline_accuracy": 0.96,
        "look_every": 0.01,
        "look_within": 0.05,
        "stage_looks": 2,
        "stage_look_every": 0.01,
    }
    return Service(
        name="sentiment-api",
        connections=CONNECTIONS,
        parameters=quick | parameters,
        gates=gates or {},
    )


def alert(episode: str = "e1", action: AlertAction = AlertAction.OPEN, **evidence: float) -> Alert:
    """An alert as the gateway normalises it."""
    return Alert(
        source="alertmanager",
        source_type="alertmanager",
        delivery_key=uuid.uuid4().hex,
        alert_key="a1",
        episode_key=episode,
        action=action,
        severity=AlertSeverity.CRITICAL,
        title="SentimentNegativeShareHigh",
        started_at=datetime(2026, 11, 22, 9, tzinfo=UTC),
        received_at=datetime(2026, 11, 22, 9, 1, tzinfo=UTC),
        evidence={"rise": 0.55, **evidence},
        auth=Authenticity(scheme="bearer", key_id="1"),
        raw=RawRef(digest=digest_of("raw"), size=3, media_type="application/json"),
    )


@dataclass
class Case:
    """An incident that runs."""

    client: Client
    handle: WorkflowHandle[Any, IncidentResult]
    voice: Voice | None = None
    """How people prove who they are, in an incident that asks for it."""

    @classmethod
    async def open(
        cls,
        client: Client,
        queue: str,
        *alerts: Alert,
        playbook: str = "feedback-poisoning",
        of: Service | None = None,
        drill: bool = False,
        voice: Voice | None = None,
    ) -> "Case":
        """Start an incident as the gateway does: signal with start."""
        first = batch(*(alerts or (alert(),)))
        return await cls.open_with(
            client, queue, first, playbook=playbook, of=of, drill=drill, voice=voice
        )

    @classmethod
    async def open_with(
        cls,
        client: Client,
        queue: str,
        signal: object,
        *,
        playbook: str = "feedback-poisoning",
        of: Service | None = None,
        drill: bool = False,
        voice: Voice | None = None,
    ) -> "Case":
        """Start an incident with whatever the first signal holds."""
        opening = opening_of(playbook, of or service(), drill=drill)
        if voice is not None:
            opening = opening.model_copy(update={"speakers": voice.keys})
        handle: WorkflowHandle[Any, IncidentResult] = await client.start_workflow(
            playbook,
            opening,
            id=f"{playbook}-{uuid.uuid4().hex[:12]}",
            task_queue=queue,
            result_type=IncidentResult,
            start_signal="alert",
            start_signal_args=[signal],
            search_attributes=listed_at_start(opening),
        )
        return cls(client, handle, voice)

    async def view(self) -> IncidentView:
        """Where it stands."""
        return IncidentView.model_validate(await self.ask("incident"))

    async def ask(self, query: str, *args: Any) -> Any:
        """Query, and again when a worker says that its answer would not be sound.

        A query that meets the end of a run is not answered at all: asked again, it meets the next.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                return await self.handle.query(query, args=args, rpc_timeout=timedelta(seconds=3))
            except (WorkflowQueryFailedError, RPCError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def journal(self, start: int = 0) -> list[Entry]:
        """What happened, of this run; at most 2000 entries."""
        raw = await self.ask("journal", JournalQuery(start=start, limit=2000))
        return [Entry.model_validate(entry) for entry in raw]

    async def whole_journal(self, archive: Mapping[str, str]) -> list[Entry]:
        """What happened, of all runs: what was archived, and the rest."""
        digests: list[str] = await self.ask("segments")
        lines = [line for digest in digests for line in archive[digest].split("\n")]
        kept = [Entry.model_validate_json(line) for line in lines]
        return kept + await self.journal()

    async def says(self) -> list[str]:
        """The sentences of the journal of this run."""
        return [entry.says for entry in await self.journal()]

    async def refusals(self) -> list[str]:
        """Why decisions changed nothing, in order."""
        return [str(e.data.get("refusal", e.says)) for e in await self.kinds(Kind.REFUSED)]

    async def signal(self, name: str, *args: Any) -> None:
        """Send anything at all."""
        await self.handle.signal(name, args=args)

    async def until_journal(self, kind: Kind, count: int) -> None:
        """Wait until the journal of this run has so many entries of a kind."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while len(found := await self.kinds(kind)) < count:
            assert asyncio.get_running_loop().time() < deadline, (kind, found)
            await asyncio.sleep(0.02)

    async def asked_anew(self, before: GateView) -> GateView:
        """The gate, once it is open again with another nonce."""
        gate = before.policy.id
        await self.until(
            lambda view: any(g.policy.id == gate and g.nonce != before.nonce for g in view.gates),
            f"{gate} is asked anew",
        )
        return await self.gate(gate)

    async def said(self, what: str) -> None:
        """Wait until a journal entry of this run contains *what*."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not any(what in sentence for sentence in await self.says()):
            assert asyncio.get_running_loop().time() < deadline, (what, await self.says())
            await asyncio.sleep(0.02)

    async def kinds(self, kind: Kind) -> list[Entry]:
        """The entries of one kind."""
        return [entry for entry in await self.journal() if entry.kind is kind]

    async def send(self, *alerts: Alert) -> None:
        """More alerts arrive."""
        await self.handle.signal("alert", batch(*alerts))

    async def gate(self, gate: str) -> GateView:
        """The gate, once it is open."""
        seen: list[GateView] = []

        def is_open(view: IncidentView) -> bool:
            seen[:] = [g for g in view.gates if g.policy.id == gate]
            return bool(seen)

        await self.until(is_open, f"gate {gate} opens")
        return seen[0]

    async def decide(
        self, gate: str, choice: Choice = Choice.APPROVE, *, actor: str = "a", role: str = ""
    ) -> None:
        """Answer an open gate."""
        view = await self.gate(gate)
        await self.signal("decide", await self.signed(decision(view, choice, actor, role)))

    async def say(self, signal: str, actor: str, role: str, **stated: Any) -> None:
        """State something besides a decision."""
        body = {"id": uuid.uuid4().hex, "actor": actor, "role": role, "reason": "so it is"}
        await self.signal(signal, await self.signed(body | stated, signal))

    async def signed(self, body: dict[str, Any], signal: str = "decide") -> dict[str, Any]:
        """Return the body of a signal as a person sends it, signed where that is asked for."""
        if self.voice is None:
            return body
        return self.voice.signed(signal, body, self.handle.id, (await self.view()).run_id)

    async def by(self, gate: str, **people: str) -> None:
        """Approve at an open gate, each role by the person who has it; ``ml_lead="m1"``."""
        view = await self.gate(gate)
        for role, person in people.items():
            said = decision(view, Choice.APPROVE, person, role.replace("_", "-"))
            await self.signal("decide", await self.signed(said))

    async def until_refused(self, refusal: str) -> None:
        """Wait until the last thing refused was refused for this."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while (await self.refusals())[-1:] != [refusal]:
            assert asyncio.get_running_loop().time() < deadline, await self.refusals()
            await asyncio.sleep(0.02)

    async def decide_no(self, gate: str) -> None:
        """Reject at an open gate."""
        await self.decide(gate, Choice.REJECT)

    async def approve(self, gate: str, *roles: str) -> None:
        """Answer an open gate with one approval per role, each by another person."""
        view = await self.gate(gate)
        for role in roles or (view.policy.roles[0],):
            said = decision(view, Choice.APPROVE, f"one-{role}", role)
            await self.signal("decide", await self.signed(said))

    async def until(self, holds: Callable[[IncidentView], bool], what: str) -> IncidentView:
        """Poll until the view satisfies *holds*."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            view = await self.view()
            if holds(view):
                return view
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"never happened: {what}\n{await self.told()}")
            await asyncio.sleep(0.02)

    async def step(self, step: str, state: StepState) -> IncidentView:
        """Wait until a step is in a state."""
        return await self.until(
            lambda view: any(s.id == step and s.state is state for s in view.steps),
            f"{step} is {state}",
        )

    async def answer_everything(self, *, leave_open: bool = False) -> None:
        """The people of an undisturbed response."""
        await self.approve("acknowledge")
        await self.approve("confirm-known-good")
        await self.answer_the_rest(leave_open=leave_open)

    async def answer_the_rest(self, *, leave_open: bool = False) -> None:
        """The people after the rollback."""
        await self.approve("rescore-decisions", "service-owner", "ml-lead")
        await self.approve("retrain-without-poison", "data-owner", "ml-lead")
        await self.approve("re-enable-feedback", "commander", "ml-lead")
        if not leave_open:
            await self.approve("close-incident")

    async def false_alarm(self) -> None:
        """Two people judge the alert false."""
        await self.approve("false-alarm", "commander", "ml-lead")

    async def result(self) -> IncidentResult:
        """What it left behind."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.handle.result()
        except TimeoutError:
            raise AssertionError(f"it never ended\n{await self.told()}") from None

    async def told(self) -> str:
        """The journal of this run, a line an entry."""
        return "\n".join(f"  {e.seq} {e.kind} {e.says}" for e in await self.journal())


def batch(*alerts: Alert) -> dict[str, Any]:
    """The signal's body."""
    return AlertBatch(alerts=alerts).model_dump(mode="json")


def decision(view: GateView, choice: Choice, actor: str, role: str = "") -> dict[str, Any]:
    """A decision for the gate as shown."""
    return Decision(
        decision_id=uuid.uuid4().hex,
        gate=view.policy.id,
        nonce=view.nonce,
        digest=view.digest,
        choice=choice,
        actor=actor,
        role=role or view.policy.roles[0],
        reason="seen and agreed",
    ).model_dump(mode="json")


HOUR = timedelta(hours=1)
