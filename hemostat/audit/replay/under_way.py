"""What is under way in a run that is simulated, and what its record still has to say to it."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from hemostat.audit.replay.asked import Asked, readable, replayed

_SECOND: Final = 1_000_000_000
_ADDRESS: Final = ("key", "incident")


@dataclass
class Answer:
    """How the record has one act answered."""

    name: str
    request: Any
    took: int
    result: Payload | None
    failure: Failure | None
    used: bool = False


@dataclass
class World:
    """What is under way, and what the record still holds."""

    now: int
    answers: dict[str, Answer]
    signals: list[HistoryEvent]
    due: list[tuple[int, int, str, int]] = field(default_factory=list)
    """When, in which order, ``activity`` or ``timer``, and its number."""
    asked: dict[int, Asked] = field(default_factory=dict)
    timers: set[int] = field(default_factory=set)
    unanswered: dict[int, Asked] = field(default_factory=dict)
    resolved: dict[int, Answer] = field(default_factory=dict)
    waiting: list[HistoryEvent] = field(default_factory=list)
    assumptions: dict[str, None] = field(default_factory=dict)
    counter: int = 0


def answers_in(events: Sequence[HistoryEvent]) -> dict[str, Answer]:
    """How each act was answered, by its id."""
    scheduled: dict[int, tuple[str, str, Any, int]] = {}
    answers: dict[str, Answer] = {}
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            a = event.activity_task_scheduled_event_attributes
            request = readable(a.input.payloads[0].data) if a.input.payloads else None
            scheduled[event.event_id] = (a.activity_id, a.activity_type.name, request, when(event))
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            done = event.activity_task_completed_event_attributes
            ident, name, request, at = scheduled[done.scheduled_event_id]
            result = done.result.payloads[0] if done.result.payloads else None
            answers[ident] = Answer(name, request, when(event) - at, result, None)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
            failed = event.activity_task_failed_event_attributes
            ident, name, request, at = scheduled[failed.scheduled_event_id]
            answers[ident] = Answer(name, request, when(event) - at, None, failed.failure)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
            late = event.activity_task_timed_out_event_attributes
            ident, name, request, at = scheduled[late.scheduled_event_id]
            answers[ident] = Answer(name, request, when(event) - at, None, late.failure)
    return answers


def look_back(world: World, given: WorkflowActivation, commands: Iterable[WorkflowCommand]) -> None:
    """Bring what is under way up to an activation that was recorded."""
    world.now = given.timestamp.ToNanoseconds()
    for job in given.jobs:
        if job.HasField("resolve_activity"):
            seq = job.resolve_activity.seq
            asked = world.asked.pop(seq, None)
            world.resolved.pop(seq, None)
            if asked is not None and asked.id in world.answers:
                world.answers[asked.id].used = True
        elif job.HasField("fire_timer"):
            world.timers.discard(job.fire_timer.seq)
        elif job.HasField("signal_workflow") and world.signals:
            world.signals.pop(0)
    for command in commands:
        take(world, command, known=True)


def take(world: World, command: WorkflowCommand, *, known: bool = False) -> None:
    """Take in one command: what will answer it, and when."""
    world.counter += 1
    if command.HasField("schedule_activity"):
        seq = command.schedule_activity.seq
        (asked,) = replayed([(0, command)])
        world.asked[seq] = asked
        answer = _answer_for(world, asked, known=known)
        if answer is None:
            world.unanswered[seq] = asked
        else:
            world.resolved[seq] = answer
            heapq.heappush(world.due, (world.now + answer.took, world.counter, "activity", seq))
    elif command.HasField("start_timer"):
        seq, wait = command.start_timer.seq, command.start_timer.start_to_fire_timeout
        world.timers.add(seq)
        due = world.now + wait.seconds * _SECOND + wait.nanos
        heapq.heappush(world.due, (due, world.counter, "timer", seq))
    elif command.HasField("cancel_timer"):
        world.timers.discard(command.cancel_timer.seq)
    elif command.HasField("request_cancel_activity"):
        seq = command.request_cancel_activity.seq
        asked_ = world.asked.get(seq)
        if asked_ is not None:
            world.unanswered.pop(seq, None)
            cancelled = Failure(message="cancelled")
            cancelled.canceled_failure_info.SetInParent()
            world.resolved[seq] = Answer(asked_.name, None, 0, None, cancelled)
            heapq.heappush(world.due, (world.now, world.counter, "activity", seq))


def _answer_for(world: World, asked: Asked, *, known: bool) -> Answer | None:
    """The recorded answer to an act: to the same request, else to the next like one."""
    same = world.answers.get(asked.id)
    if known and same is not None and same.name == asked.name:
        return same
    request = asked.part("arguments")
    fresh = [a for a in world.answers.values() if not a.used and a.name == asked.name]
    exact = [a for a in fresh if _without_address(a.request) == _without_address(request)]
    chosen = next(iter(exact or fresh), None)
    if chosen is None:
        return None
    chosen.used = True
    if not exact:
        world.assumptions[f"{asked.name} answers as it did to a like request"] = None
    return chosen


def _without_address(request: Any) -> Any:
    if not isinstance(request, dict):
        return request
    return {name: value for name, value in request.items() if name not in _ADDRESS}


def is_signal(event: HistoryEvent) -> bool:
    """Whether it is a signal."""
    return event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


def when(event: HistoryEvent) -> int:
    """When it was written, in nanoseconds."""
    return event.event_time.ToNanoseconds()
