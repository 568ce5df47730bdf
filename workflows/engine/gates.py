"""Gates in the workflow: durable timers and signals around the pure machine of ``schemas.gate``."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import JsonValue, ValidationError
from temporalio import workflow

from schemas.canonical import digest_of
from schemas.gate import (
    Decision,
    Event,
    GateEvent,
    GatePolicy,
    GateState,
    OnSilence,
    Outcome,
    Refusal,
    decide,
    elapse,
    withdraw,
)
from schemas.incident import GateOverride, GateView
from schemas.journal import Kind, recordable
from workflows.engine.record import Record

Tell = Callable[[GatePolicy, GateEvent], None]


class Gates:
    """All gates of one incident, open and closed."""

    def __init__(self, record: Record, overrides: dict[str, GateOverride], tell: Tell) -> None:
        self._record = record
        self._overrides = overrides
        self._tell = tell
        self._states: dict[str, GateState] = {}
        self._shown: dict[str, dict[str, JsonValue]] = {}
        self._asked: set[str] = set()
        self._spent: set[str] = set()
        self._used: set[str] = set()

    def views(self) -> tuple[GateView, ...]:
        """The open gates as people see them."""
        return tuple(
            GateView(
                policy=state.policy,
                nonce=state.nonce,
                digest=state.digest,
                shown=self._shown[gate],
                opened_at=state.opened_at,
                deadline=state.deadline,
                held=state.held,
                approvals=len(state.decisions),
            )
            for gate, state in self._states.items()
            if not state.closed
        )

    def is_open(self, gate: str) -> bool:
        """Whether the gate stands open."""
        return gate in self._states and not self._states[gate].closed

    def shown(self, gate: str) -> dict[str, JsonValue]:
        """What was last shown at the gate in this run; earlier ones are in the journal."""
        return self._shown.get(gate, {})

    def policy(self, policy: GatePolicy) -> GatePolicy:
        """Return *policy* with what the service changed of it."""
        override = self._overrides.get(policy.id)
        if override is None:
            return policy
        return policy.model_copy(update=override.model_dump(exclude_none=True))

    async def ask(
        self, policy: GatePolicy, shown: dict[str, JsonValue], binding: dict[str, JsonValue]
    ) -> GateState:
        """Open the gate, wait for people or time, return its final state.

        The digest covers what is shown and what it is bound to (incident, run, step); a decision
        carries it back.
        """
        state = self._states.get(policy.id)
        # Closed and not spent: it was answered as a new run began, before anyone waited here.
        if state is None or state.nonce in self._spent:
            state = self._open(self.policy(policy), shown, binding)
        try:
            answered = await self._wait(policy.id)
        except asyncio.CancelledError:  # nobody waits for the answer any more
            self._withdraw(policy.id)
            self._no_longer_waits(policy.id)
            raise
        # Not in a finally: that also runs when a worker drops the run, in nobody's event loop.
        self._no_longer_waits(policy.id)
        return answered

    def _no_longer_waits(self, gate: str) -> None:
        self._record.waiting.pop(gate, None)
        self._record.publish()

    def _open(
        self, policy: GatePolicy, shown: dict[str, JsonValue], binding: dict[str, JsonValue]
    ) -> GateState:
        nonce = str(workflow.uuid4())
        shown = recordable(shown)
        exhibit = {"gate": policy.id, "nonce": nonce, "shown": shown, **binding}
        state = GateState(
            policy=policy, nonce=nonce, digest=digest_of(exhibit), opened_at=workflow.now()
        )
        self._states[policy.id], self._shown[policy.id] = state, shown
        self._asked.add(policy.id)
        self._record.write(
            Kind.GATE,
            f"Asked: {policy.asks}",
            data={
                "gate": policy.id,
                "roles": list(policy.roles),
                "quorum": policy.quorum,
                "on_silence": policy.on_silence.value,
                "digest": state.digest,
                "shown": shown,
            },
        )
        return state

    async def _wait(self, gate: str) -> GateState:
        while True:
            self._elapse(gate)
            state = self._states[gate]
            if state.closed:
                self._close(state)
                return state
            if state.policy.on_silence is not OnSilence.STAND:
                self._record.waiting[gate] = state.eligible(workflow.now())
                self._record.publish()
            await self._until_next(gate, state)

    async def _until_next(self, gate: str, state: GateState) -> None:
        due = state.next_due()
        if due is None:
            await workflow.wait_condition(lambda: self._states[gate].closed)
            return
        left = max((due - workflow.now()).total_seconds(), 0.001)
        try:
            await workflow.wait_condition(
                lambda: self._states[gate].closed,
                timeout=left,
                timeout_summary=f"{gate}: next {state.agenda()[state.fired].event.value}",
            )
        except TimeoutError:
            return

    def _elapse(self, gate: str) -> None:
        state, events = elapse(self._states[gate], workflow.now())
        self._states[gate] = state
        for event in events:
            self._record.write(
                Kind.GATE,
                SAYS[event.event].format(gate=gate, roles=", ".join(event.to_roles)),
                data={"gate": gate, "event": event.event.value, "roles": list(event.to_roles)},
            )
            self._tell(state.policy, event)

    def _close(self, state: GateState) -> None:
        if state.nonce in self._spent:
            return
        outcome = state.outcome or Outcome.WITHDRAWN
        self._spent.add(state.nonce)
        self._record.write(
            Kind.GATE,
            f"Gate {state.policy.id}: {outcome.value}",
            data={"gate": state.policy.id, "outcome": outcome.value, "nonce": state.nonce},
        )

    def withdraw_all(self) -> None:
        """End every open gate: what they asked about no longer stands."""
        for gate in list(self._states):
            self._withdraw(gate)

    def _withdraw(self, gate: str) -> None:
        self._states[gate] = withdraw(self._states[gate], workflow.now())
        self._close(self._states[gate])

    def receive(self, raw: object) -> None:
        """Take one ``decide`` signal, whatever it holds; refuse with a reason or count it."""
        try:
            decision = Decision.model_validate(raw)
        except ValidationError as error:
            wrong = [".".join(str(part) for part in e["loc"]) or "signal" for e in error.errors()]
            self._refuse(Refusal.MALFORMED, {"fields": [field[:60] for field in wrong[:8]]})
            return
        who: dict[str, JsonValue] = {
            "gate": decision.gate,
            "actor": decision.actor,
            "role": decision.role,
            "choice": decision.choice.value,
            "reason": decision.reason,
            "decision": decision.decision_id,
        }
        refusal = self._apply(decision)
        if refusal is not None:
            self._refuse(refusal, who)
            return
        self._used.add(decision.decision_id)
        verb = "approved" if decision.choice.value == "approve" else "rejected"
        self._record.write(
            Kind.DECISION,
            f"{decision.role} {verb} at gate {decision.gate}",
            data={**who, "digest": decision.digest, "statement": decision.statement},
        )

    def _apply(self, decision: Decision) -> Refusal | None:
        if decision.decision_id in self._used:
            return Refusal.DUPLICATE
        if decision.nonce in self._spent:
            return Refusal.LATE
        if decision.gate not in self._states:
            return Refusal.STALE_NONCE if decision.gate in self._asked else Refusal.EARLY
        self._elapse(decision.gate)
        state, refusal = decide(self._states[decision.gate], decision, workflow.now())
        self._states[decision.gate] = state
        return refusal

    def _refuse(self, refusal: Refusal, data: dict[str, JsonValue]) -> None:
        self._record.write(
            Kind.REFUSED,
            f"A decision changed nothing: {refusal.value}",
            data={"refusal": refusal.value, **data},
        )

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs to go on with the open gates."""
        return {
            "open": {
                gate: {"state": state.model_dump(mode="json"), "shown": self._shown[gate]}
                for gate, state in self._states.items()
                if state.nonce not in self._spent
            },
            "asked": [*sorted(self._asked)],
            "spent": [*sorted(self._spent)],
            "used": [*sorted(self._used)],
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        for gate, kept in dumped["open"].items():
            self._states[gate] = GateState.model_validate(kept["state"])
            self._shown[gate] = kept["shown"]
        self._asked, self._spent = set(dumped["asked"]), set(dumped["spent"])
        self._used = set(dumped["used"])


SAYS = {
    Event.REMINDER: "Reminder at gate {gate}: {roles}",
    Event.ESCALATED: "Nobody answered at gate {gate}: escalated to {roles}",
    Event.PROCEEDED: "Silence at gate {gate}: proceeds by policy",
    Event.HELD: "Silence at gate {gate}: held by policy",
}
