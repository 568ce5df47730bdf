"""An incident without a Temporal: it answers queries from a journal and hears signals as told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from schemas.gate import GatePolicy
from schemas.incident import Containment, GateView, IncidentView, JournalQuery, Phase
from schemas.journal import Entry, Journal, Kind
from schemas.severity import Severity

BEGAN = datetime(2026, 11, 23, 3, tzinfo=UTC)
ID = "triage-0123456789ab"
DIGEST = "sha256:" + "1" * 64
GATE = GateView(
    policy=GatePolicy(id="close", asks="Close it?", roles=("commander",)),
    nonce="n-1",
    digest=DIGEST,
    shown={},
    opened_at=BEGAN,
    deadline=None,
    held=False,
    approvals=0,
)

Hears = Callable[["FakeIncident", str, Any], None]


def silent(incident: "FakeIncident", signal: str, said: Any) -> None:
    """Hears everything and writes nothing."""


@dataclass(eq=False)
class FakeIncident:
    """Stands where a Temporal client and an incident's handle stand; ``hears`` is its engine."""

    hears: Hears = silent
    gates: tuple[GateView, ...] = (GATE,)
    open: bool = True
    journal: Journal = field(default_factory=Journal)
    heard: list[tuple[str, Any]] = field(default_factory=list)
    looks: Callable[["FakeIncident"], None] = lambda incident: None
    changes: Mapping[str, Any] = field(default_factory=dict)
    id: str = ID
    archived: int = 0
    """How many entries are not in the current run any more."""

    def add(self, kind: Kind, says: str, **data: Any) -> Entry:
        """Write into the journal."""
        return self.journal.add(BEGAN, kind, says, data=data)

    def archive(self, *, upto: int) -> None:
        """Move the entries before *upto* to a vault that nobody has."""
        self.archived = upto

    def get_workflow_handle(self, incident: str, *, run_id: str | None = None) -> "FakeIncident":
        """The client's part; the handle is this as well."""
        return self

    def view(self) -> IncidentView:
        """Where it stands."""
        return IncidentView(
            id=self.id,
            run_id="r-1",
            playbook="triage",
            service="sentiment-api",
            drill=False,
            opened_at=BEGAN,
            phase=Phase.DETECTION if self.open else Phase.CLOSED,
            severity=Severity.SEV2,
            containment=Containment.NONE,
            resolution=None,
            steps=(),
            gates=self.gates,
            alerts=1,
            journal_length=self.journal.length,
            journal_head=self.journal.head,
        ).model_copy(update=dict(self.changes))

    async def query(self, name: str, *, args: list[Any], rpc_timeout: Any) -> Any:
        """The handle's part: what a worker answers."""
        if name == "incident":
            return self.view().model_dump(mode="json")
        if name == "segments":
            return [DIGEST] if self.archived else []
        (asked,) = args
        if name == "became":
            about = (entry for entry in self.journal.entries if asked in entry.data.values())
            return [entry.model_dump(mode="json") for entry in about]
        assert isinstance(asked, JournalQuery)
        start = max(asked.start, self.archived)
        rest = [entry for entry in self.journal.entries if entry.seq >= start]
        return [entry.model_dump(mode="json") for entry in rest[: asked.limit]]

    async def describe(self, *, rpc_timeout: Any) -> Any:
        """The handle's part: what Temporal tells at no cost; each look may change something."""
        self.looks(self)
        status = WorkflowExecutionStatus.RUNNING if self.open else WorkflowExecutionStatus.COMPLETED
        return SimpleNamespace(status=status, run_id="r-1", history_length=self.journal.length)

    async def signal(self, name: str, said: Any, *, rpc_timeout: Any) -> None:
        """The handle's part: somebody says something."""
        self.heard.append((name, said))
        self.hears(self, name, said)
