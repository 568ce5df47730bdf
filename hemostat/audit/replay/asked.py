"""What a playbook asked of Temporal, in one form for a replayed command and a recorded event.

The parts are compared as bytes; where these differ, as JSON, so that a server that writes keys in
another order is not taken for a forger.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand


class Asking(StrEnum):
    """The kinds of command."""

    ACTIVITY = "activity"
    TIMER = "timer"
    ATTRIBUTES = "search attributes"
    MEMO = "memo"
    CONTINUE = "continue in a new run"
    COMPLETE = "result"
    FAIL = "failure"
    CANCEL_ACTIVITY = "cancel of an activity"
    CANCEL_TIMER = "cancel of a timer"
    OTHER = "command"


ENDS: Final = (Asking.CONTINUE, Asking.COMPLETE, Asking.FAIL)
"""What ends a run; there is one of it."""


@dataclass(frozen=True)
class Asked:
    """One command: what it is, by which id Temporal knows it, and all that it carried.

    ``at`` is the number of the event that records it, ``task`` that of the beginning of the
    workflow task that gave it; of a replayed command both are the latter.
    """

    kind: Asking
    id: str
    name: str
    parts: Mapping[str, bytes]
    summary: str
    at: int
    task: int

    @property
    def key(self) -> tuple[Asking, str]:
        """What tells which recorded command belongs to which replayed one."""
        return (Asking.COMPLETE, "") if self.kind in ENDS else (self.kind, self.id)

    @property
    def step(self) -> str:
        """The playbook's step, which every summary begins with; empty where there is none."""
        return self.summary.partition(": ")[0]

    def part(self, name: str) -> Any:
        """One part, read as JSON where it is JSON."""
        return readable(self.parts.get(name, b"null"))


def readable(content: bytes) -> Any:
    """Return *content* as JSON, else as text."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")


def recorded(events: Iterable[HistoryEvent]) -> Iterator[Asked]:
    """Yield the commands that *events* record, in their order."""
    scheduled: dict[int, str] = {}
    count = _Count()
    for event in events:
        field = event.WhichOneof("attributes") or ""
        known = _EVENTS.get(field)
        if known is None:
            continue
        kind, read = known
        attributes: Any = getattr(event, field)
        ident, name, parts = read(attributes)
        if kind is Asking.ACTIVITY:
            scheduled[event.event_id] = ident
        elif kind is Asking.CANCEL_ACTIVITY:
            ident = scheduled.get(attributes.scheduled_event_id, "")
        elif kind is Asking.ATTRIBUTES and _CHANGE_VERSION in parts:
            continue  # the server's note of a patch, no command of the playbook
        # The summary of a cancelled timer or activity is the server's copy from its start.
        summary = "" if kind in _CANCELS else _summary(event)
        task = attributes.workflow_task_completed_event_id - 1
        yield Asked(kind, count.id(kind, ident), name, parts, summary, event.event_id, task)


def replayed(commands: Iterable[tuple[int, WorkflowCommand]]) -> Iterator[Asked]:
    """Yield the commands that a replay gave, each with the number of events before it."""
    count = _Count()
    for at, command in commands:
        field = command.WhichOneof("variant") or ""
        if field in _SILENT:
            continue
        if field not in _COMMANDS:
            yield Asked(Asking.OTHER, field, field, {}, _summary(command), at, at)
            continue
        kind, read = _COMMANDS[field]
        ident, name, parts = read(getattr(command, field))
        yield Asked(kind, count.id(kind, ident), name, parts, _summary(command), at, at)


class _Count:
    """Ids for what Temporal gives none: the first, the second and so on of their kind."""

    def __init__(self) -> None:
        self._of = {Asking.ATTRIBUTES: 0, Asking.MEMO: 0}

    def id(self, kind: Asking, ident: str) -> str:
        if kind in self._of:
            self._of[kind] += 1
            return str(self._of[kind])
        return ident


Parts = dict[str, bytes]
_Read = Callable[[Any], tuple[str, str, Parts]]
"""Reads id, name and parts of one kind."""


def _of_activity(given: Any, arguments: Iterable[Payload]) -> Parts:
    # Not schedule_to_close: the server may record a shorter one than was asked for.
    return {
        "arguments": _joined(arguments),
        "one attempt within": _seconds(given.start_to_close_timeout),
        "heartbeat within": _seconds(given.heartbeat_timeout),
        "priority": str(given.priority.priority_key).encode(),
    }


def _of_timer(given: Any) -> Parts:
    return {"for": _seconds(given.start_to_fire_timeout)}


def _seconds(duration: Any) -> bytes:
    return f"{duration.seconds + duration.nanos / 1e9:g}".encode()


def _joined(payloads: Iterable[Payload]) -> bytes:
    contents = [payload.data for payload in payloads]
    return contents[0] if len(contents) == 1 else b"[" + b",".join(contents) + b"]"


def _of_map(fields: Mapping[str, Payload]) -> Parts:
    return {name: fields[name].data for name in fields}


def _of_attributes(given: Any) -> tuple[str, str, Parts]:
    return "", "", _of_map(given.search_attributes.indexed_fields)


def _of_memo(given: Any) -> tuple[str, str, Parts]:
    return "", "", _of_map(given.upserted_memo.fields)


def _of_failure(given: Any) -> tuple[str, str, Parts]:
    return "", "", {"message": given.failure.message.encode()}


_CANCELS: Final = (Asking.CANCEL_ACTIVITY, Asking.CANCEL_TIMER)
_CHANGE_VERSION: Final = "TemporalChangeVersion"

_EVENTS: Final[Mapping[str, tuple[Asking, _Read]]] = {
    "activity_task_scheduled_event_attributes": (
        Asking.ACTIVITY,
        lambda a: (a.activity_id, a.activity_type.name, _of_activity(a, a.input.payloads)),
    ),
    "timer_started_event_attributes": (Asking.TIMER, lambda a: (a.timer_id, "", _of_timer(a))),
    "activity_task_cancel_requested_event_attributes": (
        Asking.CANCEL_ACTIVITY,
        lambda _: ("", "", {}),
    ),
    "timer_canceled_event_attributes": (Asking.CANCEL_TIMER, lambda a: (a.timer_id, "", {})),
    "upsert_workflow_search_attributes_event_attributes": (Asking.ATTRIBUTES, _of_attributes),
    "workflow_properties_modified_event_attributes": (Asking.MEMO, _of_memo),
    "workflow_execution_continued_as_new_event_attributes": (
        Asking.CONTINUE,
        lambda a: ("", "", {"input": _joined(a.input.payloads)}),
    ),
    "workflow_execution_completed_event_attributes": (
        Asking.COMPLETE,
        lambda a: ("", "", {"result": _joined(a.result.payloads)}),
    ),
    "workflow_execution_failed_event_attributes": (Asking.FAIL, _of_failure),
}
_COMMANDS: Final[Mapping[str, tuple[Asking, _Read]]] = {
    "schedule_activity": (
        Asking.ACTIVITY,
        lambda c: (c.activity_id or str(c.seq), c.activity_type, _of_activity(c, c.arguments)),
    ),
    "start_timer": (Asking.TIMER, lambda c: (str(c.seq), "", _of_timer(c))),
    "request_cancel_activity": (Asking.CANCEL_ACTIVITY, lambda c: (str(c.seq), "", {})),
    "cancel_timer": (Asking.CANCEL_TIMER, lambda c: (str(c.seq), "", {})),
    "upsert_workflow_search_attributes": (Asking.ATTRIBUTES, _of_attributes),
    "modify_workflow_properties": (Asking.MEMO, _of_memo),
    "continue_as_new_workflow_execution": (
        Asking.CONTINUE,
        lambda c: ("", "", {"input": _joined(c.arguments)}),
    ),
    "complete_workflow_execution": (
        Asking.COMPLETE,
        lambda c: ("", "", {"result": c.result.data}),
    ),
    "fail_workflow_execution": (Asking.FAIL, _of_failure),
}
_SILENT: Final = frozenset({"respond_to_query", "update_response", "set_patch_marker"})
"""What the replayer itself compares, or what leaves nothing that could be compared."""


def _summary(carrier: HistoryEvent | WorkflowCommand) -> str:
    if not carrier.HasField("user_metadata"):
        return ""
    said = readable(carrier.user_metadata.summary.data)
    return said if isinstance(said, str) else ""
