"""Doing and proving: how one act reaches an adapter and how one proof is run.

An act carries the idempotency key of its step, so however often it is retried it happens once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import JsonValue
from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from schemas.base import Frozen, iso
from schemas.canonical import digest_of
from schemas.incident import Service
from schemas.journal import Kind
from schemas.ports.port import HEARTBEAT_WITHIN, Effect, Port, Request
from schemas.standing_proof import (
    LOOK_TOGETHER,
    LOOKS_AT_ONCE,
    Look,
    LookTogether,
    Seen,
    SeenTogether,
)
from schemas.step import Observation, ProofVerdict, StepClass
from workflows.engine import commands
from workflows.engine.failures import ActFailed, cause_of, words_of
from workflows.engine.proof import Check, Proof, judge
from workflows.engine.record import Record, scalars

Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Frozen)

RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
)
"""For effects: quick at first, since the harm goes on; bounded by the port's ``within``."""

LOOK_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3)
"""For the looks of a proof: a failed look is an answer (``unprovable``), not worth a long wait."""

NOTHING_LOOKED_AT = "a proof without a look proves nothing"
"""What older incidents go on without (``workflow.patched``)."""

URGENT = Priority(priority_key=1)
"""Containment goes before all else in the task queue."""


@dataclass(frozen=True)
class Act(Generic[Req, Res]):
    """One request to one port."""

    port: Port[Req, Res]
    request: Req


def do(port: Port[Req, Res], request: Req) -> Act[Req, Res]:
    """Say what is to be done: ``do(isolate_endpoint, IsolateEndpoint(route="feedback"))``."""
    return Act(port, request)


@dataclass(frozen=True)
class Step:
    """One line of a procedure: what is done, and how it is shown (from its answers, if needed)."""

    id: str
    title: str
    step_class: StepClass
    acts: Sequence[Act[Any, Any]] = ()
    proof: Proof | Callable[[list[Any]], Proof] | None = None
    ends: bool = False
    """Whether the response cannot go on without it."""


class Hands:
    """Carries acts and looks of one incident to the adapters, and notes what came of them."""

    def __init__(self, record: Record, service: Service, incident: str) -> None:
        self._record = record
        self._service = service
        self._incident = incident
        self.busy = 0
        """How much is under way that a new run should not cut; see ``Lifecycle``."""

    def _addressed(self, request: Req, port: Port[Any, Any], key: str) -> Req:
        """Return *request* with the fields that the engine fills."""
        fill: dict[str, object] = {
            "connection": self._service.connections.get(port.capability, ""),
            "incident": self._incident,
        }
        if isinstance(request, Effect):
            fill["key"] = key
        return request.model_copy(update=fill)

    async def act(
        self, act: Act[Req, Res], *, step: str, key: str, urgent: bool = False, holds: bool = True
    ) -> Res:
        """Perform *act*; raises ``ActFailed`` when its port's time is over or it was refused.

        *holds*: no new run begins meanwhile. Not so for what a new run does again by itself.
        """
        port = act.port
        self.busy += holds
        try:
            result: Res = await commands.activity(
                port.name,
                self._addressed(act.request, port, key),
                result_type=port.result,
                start_to_close_timeout=port.attempt_within,
                schedule_to_close_timeout=port.within,
                heartbeat_timeout=port.heartbeat_within,
                retry_policy=RETRY,
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=f"{step}: {port.name}",
                priority=URGENT if urgent else Priority.default,
            )
        except ActivityError as error:
            if is_cancelled_exception(error) or stopping():
                raise asyncio.CancelledError from error
            raise ActFailed(cause_of(error), words_of(error)) from error
        finally:
            self.busy -= holds
        self._record.write(
            Kind.EFFECT,
            f"{port.name} answered",
            step=step,
            data={"port": port.name, **scalars(result)},
        )
        if stopping():
            raise asyncio.CancelledError
        return result

    async def quietly(self, act: Act[Req, Res], *, key: str) -> Res:
        """Perform *act* without a word in the journal: for the engine's own housekeeping."""
        try:
            result: Res = await commands.activity(
                act.port.name,
                self._addressed(act.request, act.port, key),
                result_type=act.port.result,
                start_to_close_timeout=act.port.attempt_within,
                schedule_to_close_timeout=act.port.within,
                heartbeat_timeout=act.port.heartbeat_within,
                retry_policy=RETRY,
                summary=act.port.name,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            raise ActFailed(cause_of(error)) from error
        return result

    def connected(self, port: Port[Any, Any]) -> bool:
        """Whether the service names a connection for *port*."""
        return bool(self._service.connections.get(port.capability))

    async def watch(self, act: Act[Req, Res], *, title: str) -> Res:
        """Wait for a watching port to see something; outlives workers, stops with the incident."""
        try:
            result: Res = await commands.activity(
                act.port.name,
                self._addressed(act.request, act.port, ""),
                result_type=act.port.result,
                start_to_close_timeout=act.port.attempt_within,
                heartbeat_timeout=act.port.heartbeat_within,
                retry_policy=RETRY,
                summary=title,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            raise ActFailed(cause_of(error)) from error
        return result

    async def look(self, check: Check[Any, Any], poll: int, *, step: str) -> Observation:
        """Make one look; failing to look is an observation too."""
        port = check.port
        try:
            answer = await commands.activity(
                port.name,
                self._addressed(check.ask(poll), port, ""),
                result_type=port.result,
                start_to_close_timeout=port.attempt_within,
                heartbeat_timeout=port.heartbeat_within,
                retry_policy=LOOK_RETRY,
                summary=f"{step}: {check.says}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            failed: dict[str, JsonValue] = {"error": cause_of(error)}
            return Observation(check=check.says, held=None, measured=failed, by=self._by(check))
        return self._observed(check, answer)

    async def look_together(
        self, asked: Sequence[tuple[Check[Any, Any], int]]
    ) -> list[Observation]:
        """Make all these looks in one act; each look that is asked for twice is made once."""
        looks = [
            Look(
                port=check.port.name,
                request=self._addressed(check.ask(poll), check.port, "").model_dump(mode="json"),
            )
            for check, poll in asked
        ]
        once = {digest_of(look.model_dump(mode="json")): look for look in looks}
        longest = max(check.port.attempt_within for check, _ in asked)
        try:
            answer = await commands.activity(
                LOOK_TOGETHER,
                LookTogether(looks=tuple(once.values())),
                result_type=SeenTogether,
                start_to_close_timeout=longest * (1 + len(once) // LOOKS_AT_ONCE),
                heartbeat_timeout=HEARTBEAT_WITHIN,
                retry_policy=LOOK_RETRY,
                summary="look again at what stands",
            )
        except ActivityError as error:
            if is_cancelled_exception(error) or stopping():
                raise asyncio.CancelledError from error
            failed = {"error": cause_of(error)}
            return [
                Observation(check=c.says, held=None, measured={**failed}, by=self._by(c))
                for c, _ in asked
            ]
        if stopping():
            raise asyncio.CancelledError
        seen = dict(zip(once, answer.seen, strict=True))
        return [
            self._seen(check, seen[digest_of(look.model_dump(mode="json"))])
            for (check, _), look in zip(asked, looks, strict=True)
        ]

    async def prove(
        self, proof: Proof, *, step: str, kept: dict[str, Any] | None = None
    ) -> ProofVerdict:
        """Look until the proof's streak is complete or its time is over.

        *kept* holds how far it came, so that a new run goes on with it; it is left empty.
        """
        if not proof.checks and workflow.patched(NOTHING_LOOKED_AT):
            self._record.write(Kind.PROOF, "unprovable: there is nothing to look at", step=step)
            return ProofVerdict.UNPROVABLE
        kept = {} if kept is None else kept
        kept.setdefault("deadline", iso(workflow.now() + proof.within))
        deadline = datetime.fromisoformat(kept["deadline"])
        streak, poll = kept.get("streak", 0), kept.get("poll", 0)
        while True:
            looks = [self.look(check, poll, step=step) for check in proof.checks]
            observations = await asyncio.gather(*looks)
            verdict = judge(observations)
            poll += 1
            streak = streak + 1 if verdict is ProofVerdict.PROVEN else 0
            self._note(step, f"look {poll}: {verdict.value}", streak, observations)
            over = verdict is not ProofVerdict.PROVEN and workflow.now() >= deadline
            if over or streak >= proof.polls:
                kept.clear()
                return verdict
            kept |= {"streak": streak, "poll": poll}
            await commands.sleep(proof.every, summary=f"{step}: before look {poll + 1}")

    def _seen(self, check: Check[Any, Any], seen: Seen) -> Observation:
        if seen.answer is None:
            failed: dict[str, JsonValue] = {"error": seen.failed}
            return Observation(check=check.says, held=None, measured=failed, by=self._by(check))
        return self._observed(check, check.port.result.model_validate(seen.answer))

    def _observed(self, check: Check[Any, Any], answer: Any) -> Observation:
        held, measured = check.holds(answer), scalars(answer)
        return Observation(check=check.says, held=held, measured=measured, by=self._by(check))

    def _by(self, check: Check[Any, Any]) -> str | None:
        """The look and what it went over, where the record tells it."""
        if not self._record.in_full:
            return None
        over = self._service.connections.get(check.port.capability)
        return f"{check.port.name} over {over}" if over else check.port.name

    def _note(self, step: str, says: str, streak: int, observations: Sequence[Observation]) -> None:
        failed = [o.check for o in observations if o.held is not True]
        self._record.write(
            Kind.PROOF,
            f"{says}: not shown: {'; '.join(failed)}" if failed else f"{says}, {streak} in a row",
            step=step,
            data={
                "streak": streak,
                "observations": [o.model_dump(mode="json") for o in observations],
            },
        )


def stopping() -> bool:
    """Whether this task was told to stop.

    An act is waited for when it is cancelled; one that ends by itself just then leaves no trace
    of the cancellation, and the task would go on.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def waits_for_people(step_class: StepClass) -> bool:
    """Whether the order rule makes steps of this class wait for a gate."""
    return step_class in (StepClass.DESTROY, StepClass.RESTORE, StepClass.DISCLOSE)
