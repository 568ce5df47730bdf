"""Reads the record of an incident: out of a pack, out of its histories, or where it runs now."""

import asyncio
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from hemostat.audit.account.ending import ENDS, Ending
from hemostat.audit.account.harm import harm_in_history
from hemostat.audit.account.record import Record, Seals
from hemostat.audit.pack.reader import Pack
from hemostat.audit.replay.sources import PACK, incident_in
from hemostat.audit.replay.today import replay_today
from hemostat.audit.tail import event_bytes
from hemostat.incidents import journal
from hemostat.vault import Vault
from schemas.audit.checkpoint import Outcome, Why
from schemas.errors import BadInput, NotHeld
from schemas.journal import Entry


def record_at(path: Path) -> Record:
    """Return the record at *path*: a pack, or a folder of histories.

    Histories have no journal of their own: it is the one that a replay writes. Raises ``NotHeld``
    when they do not replay.
    """
    if path.suffix == PACK:
        return record_in(path)
    incident = incident_in(path)
    runs = asyncio.run(replay_today(incident))
    if parted := next((run for run in runs if not run.held), None):
        raise NotHeld(
            "the histories do not replay, so there is no journal to read",
            where=f"run {parted.run}",
            next_step="`hemostat audit replay` says where they part.",
        )
    entries = [Entry.model_validate(entry) for run in runs for entry in run.journal]
    gaps = ("the journal is the one that a replay of the histories writes; it has no seals",)
    events = (e.SerializeToString() for run in incident.histories() for e in run.events)
    ending = Ending()
    harm = harm_in_history(ending.watch(events))
    return Record(
        source="histories",
        entries=entries,
        gaps=gaps,
        runs=len(runs),
        ending=ending.says,
        harm=harm,
    )


def record_in(path: Path) -> Record:
    """Return the record in the pack at *path*; ``NotHeld`` if its form is broken."""
    try:
        pack = Pack.open(path)
    except OSError as error:
        raise BadInput("this pack cannot be read", where=str(path)) from error
    code = pack.code()
    builds = code.get("worker_builds", []) if code else []
    gaps = [] if pack.manifest.closed else ["it was exported while the incident was open"]
    bodies = [held.body for held in pack.checkpoints()]
    alarms = [gap for body in bodies if body.why is Why.ALARM for gap in body.gaps]
    gaps += [gap for body in bodies if body.why is not Why.ALARM for gap in body.gaps]
    stamps = sum(name.startswith("timestamps/") for name in pack.names)
    gone = bool(bodies) and bodies[-1].outcome is Outcome.MISSING
    ending = Ending()
    events = ending.watch(event for run in pack.histories() for event in run.events())
    harm = harm_in_history(events)
    return Record(
        source="pack",
        entries=tuple(pack.journal()),
        gaps=gaps,
        code=code,
        runs=len(pack.manifest.runs),
        builds=tuple(str(build) for build in builds),
        reads=pack.reads(),
        ending="the workflow was deleted from Temporal" if gone else ending.says,
        seals=Seals(len(bodies), stamps, bodies[0].at, bodies[-1].at, alarms) if bodies else None,
        harm=harm,
    )


async def record_of(client: Client, incident: str, vault: Vault) -> Record:
    """Return the record of *incident* as Temporal and the vault have it now."""
    read = await journal(client, incident, vault)
    return Record(
        source="Temporal",
        entries=tuple(read.entries),
        gaps=tuple(read.gaps),
        ending=await _ended(client, incident),
        harm=harm_in_history(await _surveys(client, incident)),
    )


async def _surveys(client: Client, incident: str) -> list[bytes]:
    """The bytes of every event of all runs, oldest first; none that Temporal does not have any more."""
    runs: list[list[bytes]] = []
    run: str | None = None
    try:
        while run is not None or not runs:
            handle = client.get_workflow_handle(incident, run_id=run)
            events = [event async for event in handle.fetch_history_events()]
            runs.append([event_bytes(event) for event in events])
            started = events[0].workflow_execution_started_event_attributes
            run = started.continued_execution_run_id or None
    except RPCError:
        pass  # what is gone tells nothing; the journal was read without it
    return [event for events in reversed(runs) for event in events]


async def _ended(client: Client, incident: str) -> str | None:
    """How its last run ended, as Temporal has it now; who did it is in the sealed history."""
    try:
        status = (await client.get_workflow_handle(incident).describe()).status
    except RPCError:
        return None  # the journal was read without it, too
    return ENDS.get(status.name) if status else None
