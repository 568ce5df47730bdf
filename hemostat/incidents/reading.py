"""What Temporal and the vault know of incidents, read and never changed.

The list comes from Temporal's visibility and needs no worker. Where an incident stands and its
journal come from queries, which a worker answers; the parts of a long journal that moved to the
vault are read from there and compared with their digests.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from hemostat.incidents.incident_row import IncidentRow, row_of
from hemostat.incidents.same_question import SameQuestion
from hemostat.vault import Vault
from schemas import visibility
from schemas.base import Digest, Frozen
from schemas.clocks.view import ClocksView
from schemas.errors import BadInput, EvidenceCorrupt, HemostatError, SystemUnreachable
from schemas.incident import IncidentView, JournalQuery, Sight
from schemas.journal import Entry

ANSWER_WITHIN: Final = timedelta(seconds=10)
_PAGE: Final = 500
_AT_ONCE: Final = 8
_TRIES: Final = 3
_OURS: Final = f"{visibility.PLAYBOOK.name} IS NOT NULL"
_ENTRIES: Final = TypeAdapter(list[Entry])
_DIGESTS: Final = TypeAdapter(list[Digest])
_ASKED: Final[WeakKeyDictionary[Client, SameQuestion]] = WeakKeyDictionary()
_SILENT: Final = frozenset(
    {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.CANCELLED}
)


class NoWorkerAnswers(SystemUnreachable):
    """The incident is there, but no worker answers for it."""


class NoSuchIncident(BadInput):
    """There is none of this id, or none for whoever asks."""


@dataclass(frozen=True)
class JournalRead:
    """A journal as far as it could be read; *gaps* says what could not, and why."""

    entries: Sequence[Entry]
    gaps: Sequence[str]


async def list_incidents(client: Client, limit: int = 100) -> list[IncidentRow]:
    """Return the newest incidents, open ones first. A reopened incident is a row for each time."""
    rows: list[IncidentRow] = []
    for state in ("= 'Running'", "NOT IN ('Running', 'ContinuedAsNew')"):
        query = f"{_OURS} AND ExecutionStatus {state}"
        async with _temporal_answers():
            found = [row async for row in client.list_workflows(query, limit=limit)]
        rows += [row_of(execution.raw_info) for execution in found]
    rows.sort(key=lambda row: row.opened_at, reverse=True)
    return sorted(rows, key=lambda row: not row.open)[:limit]


async def page(
    client: Client, query: str, size: int, token: bytes | None = None
) -> tuple[list[IncidentRow], bytes | None]:
    """Return one page of the incidents that *query* finds, open and newest first, and the next.

    Raises ``BadInput`` where Temporal does not understand the query or the token.
    """
    found, following = await listed(client, query, size, token)
    return [row_of(one) for one in found], following


async def listed(
    client: Client, query: str, size: int, token: bytes | None = None
) -> tuple[Sequence[WorkflowExecutionInfo], bytes | None]:
    """Return one page as Temporal tells it, the same to all who ask; ``row_of`` takes one apart."""
    request = ListWorkflowExecutionsRequest(
        namespace=client.namespace, page_size=size, next_page_token=token or b"", query=_ours(query)
    )

    async def ask() -> ListWorkflowExecutionsResponse:
        return await client.workflow_service.list_workflow_executions(
            request, retry=True, timeout=ANSWER_WITHIN
        )

    async with _temporal_answers():
        found = await _asked_of(client).ask(("list", query, size, token), ask)
    return found.executions, found.next_page_token or None


async def count(client: Client, query: str) -> int:
    """Return how many incidents *query* finds."""

    async def ask() -> int:
        return (await client.count_workflows(_ours(query), rpc_timeout=ANSWER_WITHIN)).count

    async with _temporal_answers():
        return await _asked_of(client).ask(("count", query), ask)


def _asked_of(client: Client) -> SameQuestion:
    return _ASKED.setdefault(client, SameQuestion())


def _ours(query: str) -> str:
    return f"{_OURS} AND ExecutionStatus != 'ContinuedAsNew'" + (f" AND {query}" if query else "")


class Mark(Frozen):
    """What differs whenever anything happened to an incident; Temporal tells it at no cost."""

    run_id: str
    open: bool
    events: int


async def mark(client: Client, incident: str) -> Mark:
    """Return the mark of *incident* as it is now."""
    handle = client.get_workflow_handle(incident)
    async with _temporal_answers(incident):
        described = await handle.describe(rpc_timeout=ANSWER_WITHIN)
    is_open = described.status is WorkflowExecutionStatus.RUNNING
    return Mark(run_id=described.run_id, open=is_open, events=described.history_length)


async def row(client: Client, incident: str, run_id: str | None = None) -> IncidentRow:
    """Return *incident* as the list has it, from Temporal alone; raises ``NoSuchIncident``."""
    handle = client.get_workflow_handle(incident, run_id=run_id)
    async with _temporal_answers(incident):
        return row_of((await handle.describe(rpc_timeout=ANSWER_WITHIN)).raw_info)


async def sight(client: Client, incident: str, person: str, run_id: str | None = None) -> Sight:
    """Return whether *person* may see *incident*; it takes a worker to answer."""
    return Sight.model_validate(await _query(client, incident, run_id, "may_see", person))


async def waiting_incidents(client: Client) -> list[IncidentRow]:
    """Return the open incidents in which something waits for people, oldest first."""
    query = f"ExecutionStatus = 'Running' AND {visibility.WAITING_FOR.name} IS NOT NULL"
    async with _temporal_answers():
        found = [row_of(execution.raw_info) async for execution in client.list_workflows(query)]
    return sorted((row for row in found if row.waiting_for), key=lambda row: row.opened_at)


async def views(
    client: Client, incidents: Sequence[str], patience: timedelta = ANSWER_WITHIN
) -> list[IncidentView | HemostatError]:
    """Return where each incident stands, or why that could not be had within *patience*."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(incident: str) -> IncidentView | HemostatError:
        async with at_once:
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    return await view(client, incident)
            except HemostatError as error:
                return error
            except TimeoutError:
                return _nobody_answers_for(incident)

    return await asyncio.gather(*(one(incident) for incident in incidents))


async def view(client: Client, incident: str, run_id: str | None = None) -> IncidentView:
    """Return where *incident* stands; raises ``NoWorkerAnswers`` and ``BadInput`` (no such one)."""
    return IncidentView.model_validate(await _query(client, incident, run_id, "incident"))


async def legal_clocks(client: Client, incident: str, run_id: str | None = None) -> ClocksView:
    """Return the legal clocks of *incident*; none where its service declares no regimes."""
    return ClocksView.model_validate(await _query(client, incident, run_id, "clocks"))


async def journal(
    client: Client, incident: str, vault: Vault, run_id: str | None = None
) -> JournalRead:
    """Return the whole journal of *incident*, earlier parts from the vault."""
    entries: list[Entry] = []
    gaps: list[str] = []
    for digest in await segments(client, incident, run_id):
        try:
            entries += await segment(vault, digest)
        except HemostatError as error:
            gaps.append(f"journal part {digest}: {error}")
    start = entries[-1].seq + 1 if entries else 0
    return JournalRead([*entries, *await journal_from(client, incident, start, run_id)], gaps)


async def journal_from(
    client: Client,
    incident: str,
    start: int,
    run_id: str | None = None,
    most: int | None = None,
) -> list[Entry]:
    """Return what the incident's current run has of the journal from *start* on, page by page."""
    entries: list[Entry] = []
    while most is None or len(entries) < most:
        limit = _PAGE if most is None else min(_PAGE, most - len(entries))
        query = JournalQuery(start=start, limit=limit)
        page = _ENTRIES.validate_python(await _query(client, incident, run_id, "journal", query))
        entries += page
        if len(page) < limit:
            break
        start = page[-1].seq + 1
    return entries


async def segments(client: Client, incident: str, run_id: str | None = None) -> list[str]:
    """Return the digests of the earlier parts of the journal, in their order."""
    return _DIGESTS.validate_python(await _query(client, incident, run_id, "segments"))


async def segment(vault: Vault, digest: str) -> list[Entry]:
    """Return one earlier part of a journal; raises ``EvidenceCorrupt`` or ``SystemUnreachable``."""
    lines = (await asyncio.to_thread(vault.read, digest)).splitlines()
    try:
        return [Entry.model_validate_json(line) for line in lines]
    except ValueError as error:
        raise EvidenceCorrupt("this is no part of a journal", where=digest) from error


async def _query(
    client: Client, incident: str, run_id: str | None, name: str, argument: object = None
) -> Any:
    handle = client.get_workflow_handle(incident, run_id=run_id)
    arguments = [] if argument is None else [argument]
    async with _temporal_answers(incident):
        for _ in range(_TRIES - 1):
            # A worker that has just taken over refuses what a query alone made of the history.
            with suppress(WorkflowQueryFailedError):
                return await handle.query(name, args=arguments, rpc_timeout=ANSWER_WITHIN)
        return await handle.query(name, args=arguments, rpc_timeout=ANSWER_WITHIN)


def _nobody_answers_for(incident: str) -> NoWorkerAnswers:
    return NoWorkerAnswers(
        "no worker answers for it; the incident itself is safe in Temporal",
        where=incident,
        next_step="start one: `hemostat worker` (or `hemostat up`).",
    )


@asynccontextmanager
async def _temporal_answers(incident: str = "") -> AsyncIterator[None]:
    """Say in our words what kept Temporal or the worker from answering."""
    try:
        yield
    except WorkflowQueryFailedError as error:
        raise SystemUnreachable(
            "the worker could not answer for it",
            where=incident,
            next_step="see the worker's log; it may run another version of the playbook.",
        ) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchIncident(
                "there is no such incident",
                where=incident,
                next_step="`hemostat incidents` lists them.",
            ) from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise BadInput(
                "Temporal does not understand what was asked",
                where=incident or "the filters or the cursor",
                next_step="begin again from the first page.",
            ) from error
        if incident and error.status in _SILENT:
            raise _nobody_answers_for(incident) from error
        raise SystemUnreachable(
            f"Temporal refused to answer ({error.status.name})",
            where="Temporal",
            next_step="see `hemostat check`.",
        ) from error
