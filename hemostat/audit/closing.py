"""What belongs to the record of an incident besides its events, gathered when it has ended."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import temporalio
from google import protobuf
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError

from hemostat import incidents
from hemostat.audit.pack.restricted import visibility_of
from hemostat.audit.reads import reads_of
from hemostat.audit.sealing import Sealing
from hemostat.audit.tail import whole
from hemostat.build import code_of
from hemostat.vault import Vault
from schemas.audit.checkpoint import JournalAt
from schemas.canonical import canonical_json
from schemas.errors import HemostatError, NotHeld, SystemUnreachable
from schemas.journal import Entry, verify_chain


@dataclass
class Gathered:
    """Members of the pack that the close checkpoint will name, and what could not be had."""

    members: dict[str, bytes] = field(default_factory=dict)
    journal: JournalAt | None = None
    gaps: list[str] = field(default_factory=list)


async def gather(client: Client, vault: Vault, sealing: Sealing, playbook: str) -> Gathered:
    """Gather everything; raise ``NoWorkerAnswers`` while no worker answers for the journal."""
    found = Gathered()
    await _journal(found, client, vault, sealing)
    await _histories(found, sealing, playbook)
    return found


async def without_worker(sealing: Sealing, playbook: str) -> Gathered:
    """Gather what needs no worker; of the journal, what checkpoints kept."""
    found = Gathered(gaps=["the end of the journal could not be had: no worker answered"])
    await _kept(found, sealing)
    await _histories(found, sealing, playbook)
    return found


async def reads(found: Gathered, sealing: Sealing, file: Path | None, since: datetime) -> None:
    """Add who read it, where it is restricted."""
    events = [
        event
        for header in sealing.runs()
        for event in await asyncio.to_thread(sealing.sealed_events, header.run)
    ]
    restricted = visibility_of(events).restricted
    told = await asyncio.to_thread(reads_of, file, sealing.incident, since, restricted=restricted)
    found.gaps += told.gaps
    if told.reads is not None:
        found.members["reads.jsonl"] = told.lines


async def _histories(found: Gathered, sealing: Sealing, playbook: str) -> None:
    """The histories for people, and the code that decided them."""
    builds: dict[str, None] = {}
    for header in sealing.runs():
        raw = await asyncio.to_thread(sealing.sealed_events, header.run)
        events = [HistoryEvent.FromString(event) for event in raw]
        builds |= dict.fromkeys(b for event in events if (b := _build(event)))
        as_json = json.loads(WorkflowHistory(sealing.incident, events).to_json())
        found.members[f"histories/{header.number:02}.json"] = canonical_json(as_json)
    versions = {"temporalio": temporalio.__version__, "protobuf": protobuf.__version__}
    found.members["code.json"] = canonical_json(code_of(playbook, list(builds), versions))


async def altered(client: Client, sealing: Sealing) -> list[str]:
    """Say where what Temporal serves now is not what was sealed; it may serve nothing any more."""
    told: list[str] = []
    for header in sealing.runs():
        sealed = await asyncio.to_thread(sealing.sealed_events, header.run)
        try:
            served = await whole(client, sealing.incident, header.run)
        except RPCError as error:
            told.append(f"run {header.run}: Temporal does not serve it ({error.status.name})")
            continue
        told += difference(header.run, sealed, served)
    return told


def difference(run: str, sealed: list[bytes], served: list[bytes]) -> list[str]:
    """Say at which event *served* first is not *sealed*; nothing where it goes on as sealed."""
    for number, (before, now) in enumerate(zip(sealed, served, strict=False), 1):
        if before != now:
            return [f"run {run}: event {number} is served otherwise than it was sealed"]
    if len(served) < len(sealed):
        return [f"run {run}: events from {len(served) + 1} on were sealed and are gone"]
    return []


async def _journal(found: Gathered, client: Client, vault: Vault, sealing: Sealing) -> None:
    """The journal and the clocks, from the worker that decided or one that can decide it again."""
    runs = [header.run for header in sealing.runs()]
    try:
        clocks = await incidents.legal_clocks(client, sealing.incident, runs[-1])
        read = await incidents.journal(client, sealing.incident, vault, runs[-1])
    except incidents.NoWorkerAnswers:
        raise
    except (HemostatError, ValueError) as error:
        what = error.what if isinstance(error, HemostatError) else type(error).__name__
        found.gaps.append(f"the end of the journal could not be had: {what}")
        await _kept(found, sealing)
        return
    found.members["clocks.json"] = canonical_json(clocks)
    entries = {entry.seq: entry for entry in read.entries}
    for run in reversed(runs[:-1]):
        if len(entries) == _length(entries):
            break
        for entry in await _left_in(client, sealing.incident, run):
            entries.setdefault(entry.seq, entry)
    in_order = [entries[seq] for seq in sorted(entries)]
    try:
        head = verify_chain(in_order)
    except NotHeld as error:
        found.gaps.append(f"the journal is not whole: {error.where}: {error.what}")
    else:
        found.journal = JournalAt(length=len(in_order), head=head)
    found.members["journal.jsonl"] = journal_lines(in_order)


async def _kept(found: Gathered, sealing: Sealing) -> None:
    """The journal as far as checkpoints kept it."""
    entries = await asyncio.to_thread(sealing.journal)
    if entries:
        found.journal = JournalAt(length=len(entries), head=entries[-1].digest)
        found.members["journal.jsonl"] = journal_lines(entries)


def journal_lines(entries: list[Entry]) -> bytes:
    """Return *entries* as ``journal.jsonl`` holds them."""
    return b"".join(canonical_json(entry) + b"\n" for entry in entries)


async def _left_in(client: Client, incident: str, run: str) -> list[Entry]:
    """Entries that no vault took stay in their run, and a worker can tell them again."""
    try:
        return await incidents.journal_from(client, incident, 0, run)
    except SystemUnreachable:
        return []


def _length(entries: dict[int, Any]) -> int:
    return max(entries) + 1 if entries else 0


def _build(event: HistoryEvent) -> str:
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
        return ""
    return event.workflow_task_completed_event_attributes.worker_version.build_id
