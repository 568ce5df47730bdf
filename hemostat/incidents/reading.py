"""What Temporal and the vault know of incidents, read and never changed.

The list comes from Temporal's visibility and needs no worker. Where an incident stands and its
journal come from queries, which a worker answers; the parts of a long journal that moved to the
vault are read from there and compared with their digests.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import Client, WorkflowExecutionStatus

from hemostat.incidents import asking
from hemostat.incidents.asking import NoSuchIncident as NoSuchIncident  # noqa: PLC0414 - an explicit re-export
from hemostat.incidents.asking import NoWorkerAnswers as NoWorkerAnswers  # noqa: PLC0414 - likewise
from hemostat.incidents.incident_row import IncidentRow, row_of
from hemostat.vault import Vault
from schemas import visibility
from schemas.base import Digest, Frozen
from schemas.clocks.view import ClocksView
from schemas.errors import EvidenceCorrupt, HemostatError
from schemas.incident import IncidentView, JournalQuery, Sight
from schemas.journal import Entry

ANSWER_WITHIN: Final = timedelta(seconds=10)
_PAGE: Final = 500
_AT_ONCE: Final = 8
_OURS: Final = f"{visibility.PLAYBOOK.name} IS NOT NULL"
_ENTRIES: Final = TypeAdapter(list[Entry])
_DIGESTS: Final = TypeAdapter(list[Digest])


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
        async with asking.temporal_answers():
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

    async with asking.temporal_answers():
        found = await asking.ask_list(client, ("list", query, size, token), ask)
    return found.executions, found.next_page_token or None


async def count(client: Client, query: str) -> int:
    """Return how many incidents *query* finds."""

    async def ask() -> int:
        return (await client.count_workflows(_ours(query), rpc_timeout=ANSWER_WITHIN)).count

    async with asking.temporal_answers():
        return await asking.asked_of(client).ask(("count", query), ask)


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
    async with asking.temporal_answers(incident):
        described = await handle.describe(rpc_timeout=ANSWER_WITHIN)
    is_open = described.status is WorkflowExecutionStatus.RUNNING
    return Mark(run_id=described.run_id, open=is_open, events=described.history_length)


async def row(client: Client, incident: str, run_id: str | None = None) -> IncidentRow:
    """Return *incident* as the list has it, from Temporal alone; raises ``NoSuchIncident``."""
    handle = client.get_workflow_handle(incident, run_id=run_id)
    async with asking.temporal_answers(incident):
        return row_of((await handle.describe(rpc_timeout=ANSWER_WITHIN)).raw_info)


async def sight(client: Client, incident: str, person: str, run_id: str | None = None) -> Sight:
    """Return whether *person* may see *incident*; it takes a worker to answer."""
    return Sight.model_validate(await _query(client, incident, run_id, "may_see", person))


async def waiting_incidents(client: Client) -> list[IncidentRow]:
    """Return the open incidents in which something waits for people, oldest first."""
    query = f"ExecutionStatus = 'Running' AND {visibility.WAITING_FOR.name} IS NOT NULL"
    async with asking.temporal_answers():
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
                return await asking.who_is_silent(client, incident)

    with asking.asked_for(asking.Line.LISTS):
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


async def became(client: Client, incident: str, said: str) -> list[Entry]:
    """Return the entries of the current run about what was said under this id, oldest first."""
    return _ENTRIES.validate_python(await _query(client, incident, None, "became", said))


async def _query(
    client: Client, incident: str, run_id: str | None, name: str, argument: object = None
) -> Any:
    asked = asking.Question(incident, run_id, name, () if argument is None else (argument,))
    return await asking.query(client, asked, ANSWER_WITHIN)
