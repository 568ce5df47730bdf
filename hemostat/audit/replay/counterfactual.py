"""What a version that parts from the record would have gone on to do, as far as can be derived.

The run is fed what was recorded until it parts. From there a small simulation goes on: an act is
answered as the record has it answered, a timer fires when it is due, and what people said arrives
when it did, or once they are asked. Nothing is done outside and no answer is made up: an act that
the record has no answer to stays unanswered, and what rests on it is not derived.

Assumed, and said: an answer to a like request stands in for one to the same request, and people who
are shown something else at the same gate say the same.
"""

import asyncio
import difflib
import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.worker import WorkflowInstance, WorkflowRunner

from hemostat.audit.replay.asked import ENDS, Asked, Asking, readable, recorded, replayed
from hemostat.audit.replay.under_way import World, answers_in, is_signal, look_back, take, when
from hemostat.audit.replay.watching import Watched
from hemostat.audit.replay.words import in_words, told

MOST: Final = 4000
"""Activations that are simulated at most; an incident of many days takes some hundreds."""


@dataclass(frozen=True)
class WhatIf:
    """What the record has after the place at which they part, and what this version would have."""

    recorded: tuple[str, ...]
    would: tuple[str, ...]
    recorded_result: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
    """What it would have returned; None where it did not come to its end."""
    stops: str
    """Why no more is derived; empty: it came to its end."""
    assumptions: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    """What people said in the record that this version would not have asked for."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "changes": self.changes, "otherwise": self.otherwise}

    @property
    def otherwise(self) -> dict[str, tuple[Any, Any]]:
        """What of the outcome differs: as recorded, and as it would have been."""
        before, after = self.recorded_result, self.result
        if before is None or after is None:
            return {}
        names = ("resolution", "severity", "containment", "alerts")
        return {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}

    @property
    def changes(self) -> tuple[str, ...]:
        """The acts that it would leave out (``-``) and those that it would add (``+``), in order."""
        seen = difflib.ndiff(self.recorded, self.would)
        return tuple(line for line in seen if line.startswith(("- ", "+ ")))


async def what_if(
    events: Sequence[HistoryEvent], watched: Watched, runner: WorkflowRunner
) -> WhatIf | None:
    """Return what the watched version would have done; None where it never began."""
    if watched.details is None or not watched.activations:
        return None
    instance = runner.create_instance(watched.details)  # wants a loop; to be activated, none
    return await asyncio.to_thread(_derived, events, watched, instance)


def _derived(
    events: Sequence[HistoryEvent], watched: Watched, instance: WorkflowInstance
) -> WhatIf:
    world = World(0, answers_in(events), [e for e in events if is_signal(e)])
    reached = watched.activations[-1].history_length
    simulation = _Simulation(instance, world, watched.activations[-1])
    before = {a.key: a for a in recorded(events)}
    for activation in watched.activations:
        done = instance.activate(activation)
        look_back(world, activation, done.successful.commands)
        if activation.history_length == reached:
            simulation.keep(done.successful.commands)
        if done.HasField("failed"):
            return WhatIf((), (), None, None, f"it raised: {done.failed.failure.message[:200]}")
    derived, result, stops = simulation.run()
    then = [a for a in before.values() if a.task >= reached]
    ended = next((a for a in then if a.kind is Asking.COMPLETE), None)
    return WhatIf(
        recorded=_in_words(then),
        would=_in_words(derived),
        recorded_result=ended.part("result") if ended else None,
        result=result,
        stops=stops,
        assumptions=tuple(world.assumptions),
        unheard=tuple(_said(signal) for signal in (*world.waiting, *world.signals)),
    )


def _in_words(asked: Iterable[Asked], most: int = 200) -> tuple[str, ...]:
    """The acts, in words, in their order."""
    acts = [a for a in asked if a.kind is Asking.ACTIVITY]
    return tuple(f"{told(a)}: {in_words(a)}" for a in acts[:most])


class _Simulation:
    """Drives one instance from where it parted."""

    def __init__(self, instance: WorkflowInstance, world: World, last: WorkflowActivation) -> None:
        self._instance = instance
        self._world = world
        self._last = last
        self._commands: list[tuple[int, WorkflowCommand]] = []

    def keep(self, commands: Iterable[WorkflowCommand]) -> None:
        """Count *commands* to what follows."""
        self._commands += [(int(self._last.history_length), command) for command in commands]

    def run(self) -> tuple[list[Asked], Mapping[str, Any] | None, str]:
        """Go on until it ends or nothing can happen; return commands, result, and why it stops."""
        why = f"not followed further than {MOST} activations"
        for _ in range(MOST):
            job = self._next()
            if job is None:
                why = self._why()
                break
            done = self._activate(job)
            if done.HasField("failed"):
                why = f"it raised: {done.failed.failure.message[:200]}"
                break
            self.keep(done.successful.commands)
            for command in done.successful.commands:
                take(self._world, command)
            ended = [
                c for c in replayed((0, c) for c in done.successful.commands) if c.kind in ENDS
            ]
            if ended:
                goes_on = ended[0].kind is Asking.CONTINUE
                why = "it goes on in a new run" if goes_on else ""
                break
        found = list(replayed(self._commands))
        result = next((a.part("result") for a in found if a.kind is Asking.COMPLETE), None)
        return found, result, why

    def _why(self) -> str:
        if self._world.unanswered:
            names = ", ".join(dict.fromkeys(a.name for a in self._world.unanswered.values()))
            return f"the record has no answer to {names}"
        return "it waits for people, and the record has nothing more that they said"

    def _next(self) -> WorkflowActivationJob | None:
        world = self._world
        if (heard := self._hearable()) is not None:
            return heard
        signal_at = when(world.signals[0]) if world.signals else None
        if world.due and (signal_at is None or world.due[0][0] <= signal_at):
            at, _, kind, seq = heapq.heappop(world.due)
            world.now = max(world.now, at)
            return self._due(kind, seq)
        if world.signals:
            signal = world.signals.pop(0)
            world.now = max(world.now, when(signal))
            return self._signal(signal)
        return None

    def _due(self, kind: str, seq: int) -> WorkflowActivationJob | None:
        world, job = self._world, WorkflowActivationJob()
        if kind == "timer":
            if seq not in world.timers:
                return self._next()
            world.timers.discard(seq)
            job.fire_timer.seq = seq
            return job
        answer, asked = world.resolved.pop(seq, None), world.asked.pop(seq, None)
        if answer is None or asked is None:
            return self._next()
        job.resolve_activity.seq = seq
        if answer.failure is not None:
            failure = job.resolve_activity.result.failed.failure
            failure.message = "Activity task failed"
            failure.cause.CopyFrom(answer.failure)
            failure.activity_failure_info.activity_type.name = asked.name
            failure.activity_failure_info.activity_id = asked.id
        else:
            result = job.resolve_activity.result.completed.result
            result.CopyFrom(answer.result or Payload())
        return job

    def _signal(self, signal: HistoryEvent) -> WorkflowActivationJob | None:
        """Deliver a signal; a decision waits until its gate is open in this version."""
        attributes = signal.workflow_execution_signaled_event_attributes
        if attributes.signal_name != "decide":
            return _signal_job(signal, None)
        fitted = self._fitted(signal)
        if fitted is None:
            self._world.waiting.append(signal)
            return self._next()
        return _signal_job(signal, fitted)

    def _hearable(self) -> WorkflowActivationJob | None:
        """A decision that was said before its gate opened here, and can be heard now."""
        if not self._world.waiting:
            return None
        for signal in self._world.waiting:
            fitted = self._fitted(signal)
            if fitted is not None:
                self._world.waiting.remove(signal)
                gate = fitted.get("gate")
                self._world.assumptions[f"people answer at {gate} when they are asked there"] = None
                return _signal_job(signal, fitted)
        return None

    def _fitted(self, signal: HistoryEvent) -> dict[str, Any] | None:
        """The decision as it would be said at the same gate of this version."""
        payloads = signal.workflow_execution_signaled_event_attributes.input.payloads
        said = readable(payloads[0].data) if payloads else None
        if not isinstance(said, dict):
            return {"malformed": True}
        gates = {gate["policy"]["id"]: gate for gate in self._gates()}
        gate = gates.get(str(said.get("gate")))
        if gate is None:
            return None
        if (gate["nonce"], gate["digest"]) != (said.get("nonce"), said.get("digest")):
            says = f"people say the same at {gate['policy']['id']}, whatever is shown there"
            self._world.assumptions[says] = None
        return {**said, "nonce": gate["nonce"], "digest": gate["digest"]}

    def _gates(self) -> list[dict[str, Any]]:
        job = WorkflowActivationJob()
        job.query_workflow.query_id = "counterfactual"
        job.query_workflow.query_type = "incident"
        done = self._activate(job)
        for command in done.successful.commands:
            if command.HasField("respond_to_query"):
                view = readable(command.respond_to_query.succeeded.response.data)
                return list(view["gates"]) if isinstance(view, dict) else []
        return []

    def _activate(self, job: WorkflowActivationJob) -> Any:
        given = WorkflowActivation()
        given.CopyFrom(self._last)
        del given.jobs[:]
        given.jobs.append(job)
        given.timestamp.CopyFrom(Timestamp())
        given.timestamp.FromNanoseconds(self._world.now)
        given.is_replaying = True
        if not job.HasField("query_workflow"):
            given.history_length += 3
            self._last = given
        return self._instance.activate(given)


def _signal_job(signal: HistoryEvent, said: dict[str, Any] | None) -> WorkflowActivationJob:
    attributes = signal.workflow_execution_signaled_event_attributes
    job = WorkflowActivationJob()
    job.signal_workflow.signal_name = attributes.signal_name
    job.signal_workflow.identity = attributes.identity
    for payload in attributes.input.payloads:
        job.signal_workflow.input.append(payload)
    if said is not None and "malformed" not in said:
        job.signal_workflow.input[0].data = json.dumps(said).encode()
    return job


def _said(signal: HistoryEvent) -> str:
    attributes = signal.workflow_execution_signaled_event_attributes
    said = readable(attributes.input.payloads[0].data) if attributes.input.payloads else None
    about = said.get("gate") if isinstance(said, dict) else None
    return f"{attributes.signal_name} at {about}" if about else attributes.signal_name
