"""One incident as Temporal's list has it: its search attributes, in our words; no worker is asked."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import Field
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.common import SearchAttributeKey
from temporalio.converter import decode_typed_search_attributes

from schemas import visibility
from schemas.base import Frozen, Utc


class IncidentRow(Frozen):
    """One incident in the list; what only a worker knows is not here."""

    id: str
    run_id: str
    open: bool
    status: str
    playbook: str
    service: str
    phase: str | None
    severity: str | None
    containment: str | None
    waiting_for: tuple[str, ...]
    drill: bool
    restricted: bool | None = None
    """Whether someone must not see it; None: it does not say, so it is to be asked."""
    opened_at: Utc
    closed_at: Utc | None
    first_run: str = Field(default="", exclude=True)
    """The run since which it is this incident, for which statements are signed; empty where
    Temporal did not tell, as in lists. Not shown."""


def row_of(told: WorkflowExecutionInfo) -> IncidentRow:
    """Return the row of an incident, of what Temporal tells of it."""
    attributes = decode_typed_search_attributes(told.search_attributes)

    def of(key: SearchAttributeKey[Any]) -> Any:
        return attributes.get(key)

    status = told.status or WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    name = WorkflowExecutionStatus.Name(status).removeprefix("WORKFLOW_EXECUTION_STATUS_")
    return IncidentRow(
        id=told.execution.workflow_id,
        run_id=told.execution.run_id,
        open=name == "RUNNING",
        status=name.lower().replace("_", "-"),
        playbook=of(visibility.PLAYBOOK) or told.type.name,
        service=of(visibility.SERVICE) or "",
        phase=of(visibility.PHASE),
        severity=of(visibility.SEVERITY),
        containment=of(visibility.CONTAINMENT),
        waiting_for=tuple(of(visibility.WAITING_FOR) or ()),
        drill=bool(of(visibility.DRILL)),
        restricted=of(visibility.RESTRICTED),
        opened_at=_utc(told.start_time),
        closed_at=_utc(told.close_time) if told.HasField("close_time") else None,
        first_run=told.first_run_id,
    )


def _utc(moment: Timestamp) -> datetime:
    return moment.ToDatetime(UTC)
