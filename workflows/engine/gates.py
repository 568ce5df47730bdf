"""Gates in the workflow: durable timers and signals around the pure machine of ``schemas.gate``."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.canonical import digest_of
from schemas.gate import (
    BreakGlassUse,
    Decision,
    GateEvent,
    GatePolicy,
    OnSilence,
    Outcome,
    Refusal,
    Withdrawal,
)
from schemas.gate_machine import (
    break_glass,
    decide,
    elapse,
    proceed,
    reconsider,
    take_back,
    withdraw,
)
from schemas.gate_state import GateState
from schemas.incident import Approved, GateOverride, GateView
from schemas.journal import Kind, recordable
from workflows.engine import commands
from workflows.engine.gate_words import SAYS, asked_of_people, due_of, how_it_ended, what_is_next
from workflows.engine.people import People
from workflows.engine.record import Record

Tell = Callable[[GatePolicy, GateEvent], None]


class Gates:
    """All gates of one incident, open and closed."""

    def __init__(
        self, record: Record, overrides: dict[str, GateOverride], tell: Tell, people: People
    ) -> None:
        self._record = record
        self._overrides = overrides
        self._tell = tell
        self._people = people
        self._states: dict[str, GateState] = {}
        self._shown: dict[str, dict[str, JsonValue]] = {}
        self._asked: set[str] = set()
        self._spent: set[str] = set()
        self._used: set[str] = set()

    def views(self) -> tuple[GateView, ...]:
        """The open gates as people see them."""
        sitting, now = self._people.sitting(), workflow.now()
        return tuple(
            GateView(
                policy=state.policy,
                nonce=state.nonce,
                digest=state.digest,
                shown=self._shown[gate],
                opened_at=state.opened_at,
                deadline=state.deadline,
                held=state.held,
                approvals=len(state.approvals(sitting)),
                stands=state.stands,
                may_decide=state.may_decide(sitting, now) if sitting else (),
                approved=tuple(
                    Approved(person=d.actor, role=d.role) for d in state.approvals(sitting)
                ),
                glass=tuple(glass.person for glass in state.glass if now < glass.until),
            )
            for gate, state in self._states.items()
            if not state.closed
        )

    def asking(self) -> tuple[GateView, ...]:
        """The open gates that ask something of somebody: all but standing offers."""
        views = self.views()
        return tuple(view for view in views if view.policy.on_silence is not OnSilence.STAND)

    def is_open(self, gate: str) -> bool:
        """Whether the gate stands open."""
        return gate in self._states and not self._states[gate].closed

    def shown(self, gate: str) -> dict[str, JsonValue]:
        """What was last shown at the gate in this run; earlier ones are in the journal."""
        return self._shown.get(gate, {})

    def policy(self, policy: GatePolicy) -> GatePolicy:
        """Return *policy* with what the service changed of it, and its roles' own ladders."""
        override = self._overrides.get(policy.id)
        changes: dict[str, object] = override.model_dump(exclude_none=True) if override else {}
        if "timer" in changes and policy.expires_after == policy.timer:
            changes["expires_after"] = changes["timer"]  # the question ends with the time for it
        return self._people.with_ladders(policy.model_copy(update=changes) if changes else policy)

    async def ask(
        self,
        policy: GatePolicy,
        shown: dict[str, JsonValue],
        binding: dict[str, JsonValue],
        *,
        requesters: tuple[str, ...] = (),
        executors: tuple[str, ...] = (),
    ) -> GateState:
        """Open the gate, wait for people or time, return its final state.

        The digest covers what is shown and what it is bound to (incident, run, step); a decision
        carries it back. *requesters* and *executors* are people whom the policy may exclude.
        """
        state = self._states.get(policy.id)
        # Closed and not spent: it was answered as a new run began, before anyone waited here.
        if state is None or state.nonce in self._spent:
            state = self._open(self.policy(policy), shown, binding)
            if requesters or executors:
                state = state.model_copy(update={"requesters": requesters, "executors": executors})
                self._states[policy.id] = state
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
                **(asked_of_people(policy) if self._people.declared else {}),
                **({"due": due_of(state)} if self._record.in_full else {}),
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

    def people_changed(self) -> None:
        """Judge every gate anew, those also whose approval was not used yet."""
        sitting, now = self._people.sitting(), workflow.now()
        if sitting is None:
            return
        for gate, state in list(self._states.items()):
            if state.nonce in self._spent:
                continue
            self._states[gate] = reconsider(state, now, sitting)
            self._elapse(gate)
            if gate in self._record.waiting:
                self._record.waiting[gate] = self._states[gate].eligible(now)
        self._record.publish()

    async def _until_next(self, gate: str, state: GateState) -> None:
        due = state.next_due(self._people.sitting(), workflow.now())
        if due is None:
            await commands.until(lambda: self._states[gate].closed)
            return
        left = max((due - workflow.now()).total_seconds(), 0.001)
        try:
            await commands.until(
                lambda: self._states[gate].closed,
                within=left,
                summary=f"{gate}: next {what_is_next(state, due)}",
            )
        except TimeoutError:
            return

    def _elapse(self, gate: str) -> None:
        state, events = elapse(self._states[gate], workflow.now(), self._people.sitting())
        self._states[gate] = state
        for event in events:
            self._record.write(
                Kind.GATE,
                SAYS[event.event].format(gate=gate, roles=", ".join(event.to_roles)),
                data={"gate": gate, "event": event.event.value, "roles": list(event.to_roles)},
            )
            self._tell(state.policy, event)

    def _close(self, state: GateState, because: dict[str, JsonValue] | None = None) -> None:
        if state.nonce in self._spent:
            return
        outcome = state.outcome or Outcome.WITHDRAWN
        self._spent.add(state.nonce)
        self._record.write(
            Kind.GATE,
            f"Gate {state.policy.id}: {outcome.value}",
            data=how_it_ended(state, outcome) | (because or {}),
        )

    def fall_away(self, gate: str) -> None:
        """End one gate, if it is open: what it asked about no longer stands."""
        if self.is_open(gate):
            self._withdraw(gate)

    def proceed(self, gate: str, because: dict[str, JsonValue]) -> None:
        """End one gate, if it is open, by what people decided beforehand; say by which decision."""
        if not self.is_open(gate):
            return
        self._states[gate] = proceed(self._states[gate], workflow.now())
        self._close(self._states[gate], because)

    def withdraw_all(self) -> None:
        """End every open gate: what they asked about no longer stands."""
        for gate in list(self._states):
            self._withdraw(gate)

    def _withdraw(self, gate: str) -> None:
        self._states[gate] = withdraw(self._states[gate], workflow.now())
        self._close(self._states[gate])

    def state(self, gate: str) -> GateState | None:
        """The gate as it is, or was, in this run."""
        return self._states.get(gate)

    def decide(self, decision: Decision) -> Refusal | None:
        """Count *decision*, or say why it does not."""
        refusal = self._not_now(decision.gate, decision.decision_id, decision.nonce)
        if refusal is not None:
            return refusal
        self._elapse(decision.gate)
        state = self._states[decision.gate]
        state, refusal = decide(state, decision, workflow.now(), self._people.sitting())
        self._states[decision.gate] = state
        if refusal is None:
            self._used.add(decision.decision_id)
        return refusal

    def _not_now(self, gate: str, said: str, nonce: str) -> Refusal | None:
        """Why nothing said to this gate, opened with this nonce, counts now."""
        if said in self._used:
            return Refusal.DUPLICATE
        if nonce in self._spent:
            return Refusal.LATE
        if gate not in self._states:
            return Refusal.STALE_NONCE if gate in self._asked else Refusal.EARLY
        return None

    def take_back(self, said: Withdrawal) -> Refusal | None:
        """Withdraw an approval that was not used yet, or say why not."""
        known = self._states.get(said.gate)
        nonce = known.nonce if known else ""
        refusal = self._not_now(said.gate, said.withdrawal_id, nonce)
        if refusal is None:
            state, refusal = take_back(self._states[said.gate], said.decision_id, said.actor)
            self._states[said.gate] = state
        if refusal is None:
            self._used.add(said.withdrawal_id)
        return refusal

    def break_glass(self, said: BreakGlassUse) -> GateState | Refusal:
        """Let a declared person decide alone at an open gate; return its state, or why not."""
        sitting = self._people.sitting()
        if sitting is None:
            return Refusal.NOT_THE_ROLE
        refusal = self._not_now(said.gate, said.use_id, said.nonce)
        if refusal is not None:
            return refusal
        self._elapse(said.gate)
        state = self._states[said.gate]
        if state.nonce != said.nonce:
            return Refusal.STALE_NONCE
        state, refusal = break_glass(state, said.actor, workflow.now(), sitting)
        if refusal is not None:
            return refusal
        self._states[said.gate] = state
        self._used.add(said.use_id)
        return state

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
