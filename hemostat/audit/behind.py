"""How far the sealed record is behind what happened: the alarm for a sealer that is down.

Law: nobody's word counts that it runs. What is compared is what Temporal has with what the
write-once store has, so a sealer that hangs, that writes elsewhere, or that was stopped shows the
same. Nothing is told that names an incident: it may be restricted.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from hemostat.audit.store import Store, place_of
from hemostat.incidents import page
from hemostat.incidents.incident_row import IncidentRow
from schemas.audit.checkpoint import KIND, Checkpoint, Why
from schemas.audit.signing import open_envelope
from schemas.audit.strict import NotStrict
from schemas.base import iso
from schemas.errors import EvidenceCorrupt, HemostatError, SystemUnreachable

GRACE: Final = timedelta(minutes=1)
"""How much later than ``[audit] every`` a checkpoint may come before that is a problem."""

CLOSED_SINCE: Final = timedelta(days=1)
"""How long after its close an incident is still looked at."""

MOST: Final = 200
"""Incidents that are looked at, of the open and of the recently closed each."""

_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Behind:
    """What was seen in one look. The first two are of incidents that nobody is kept from."""

    open: int
    seconds: float
    """How long the oldest event waits that no checkpoint covers; 0: everything is covered."""
    worst: float
    """The same over all incidents."""
    allowed: float
    """How long an event may wait."""

    @property
    def late(self) -> bool:
        """Whether an event of any incident waits longer than it may."""
        return self.worst > self.allowed

    @property
    def problem(self) -> HemostatError | None:
        """What is wrong, for whoever can start the sealer again; None: nothing."""
        if not self.late:
            return None
        return SystemUnreachable(
            "the sealed record is behind what happened: an event has waited "
            f"{self.worst / 60:.0f} min for a checkpoint",
            where="the sealer",
            next_step="see that `hemostat sealer` runs, on the store of [audit], and its log.",
        )


async def look_behind(
    client: Client,
    store: Store,
    every: timedelta,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Behind:
    """Compare every open and every recently closed incident with what is sealed of it.

    *every* is how long an event may be without a checkpoint. Raises ``SystemUnreachable`` when
    Temporal or the store does not answer, and ``EvidenceCorrupt`` for a checkpoint that is none.
    """
    since = iso(now() - CLOSED_SINCE)
    running, _ = await page(client, "ExecutionStatus = 'Running'", MOST)
    ended, _ = await page(client, f"ExecutionStatus != 'Running' AND CloseTime > '{since}'", MOST)
    at_most = asyncio.Semaphore(_AT_ONCE)

    async def waits(row: IncidentRow) -> float:
        async with at_most:
            oldest = await _oldest_uncovered(client, store, row)
        return max((now() - oldest).total_seconds(), 0.0) if oldest else 0.0

    rows = [*running, *ended]
    waited = await asyncio.gather(*(waits(row) for row in rows))
    told = [seconds for row, seconds in zip(rows, waited, strict=True) if row.restricted is False]
    return Behind(
        open=sum(row.restricted is False for row in running),
        seconds=max(told, default=0.0),
        worst=max(waited, default=0.0),
        allowed=(every + GRACE).total_seconds(),
    )


async def _oldest_uncovered(client: Client, store: Store, row: IncidentRow) -> datetime | None:
    """When the first event of this run happened that no checkpoint covers; None: all are."""
    handle = client.get_workflow_handle(row.id, run_id=row.run_id)
    try:
        described = await handle.describe()
        held = await asyncio.to_thread(_newest_of, store, described)
        if held is not None and held.over:
            return None
        covered = held.last_event if held else 0
        if covered >= described.history_length:
            return None if row.open else described.close_time
        async for event in handle.fetch_history_events():
            if event.event_id > covered:
                return event.event_time.ToDatetime(UTC)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None  # deleted meanwhile; that is for the sealer to find
        raise SystemUnreachable(f"it says {error.status.name}", where="Temporal") from error
    return None


@dataclass(frozen=True)
class _Sealed:
    """How far one run is sealed; ``over``: its end too, or the incident goes on in a later one."""

    last_event: int
    over: bool


def _newest_of(store: Store, described: WorkflowExecutionDescription) -> _Sealed | None:
    """How far the run is sealed; None: not at all.

    A run that a reset made of a closed incident is sealed as one of its own.
    """
    incident, run = described.id, described.run_id
    first = described.raw_description.workflow_execution_info.first_run_id or run
    began = iso(described.start_time)
    for place in dict.fromkeys((place_of(incident, first), place_of(incident, run))):
        names = [name for name in store.names(place) if name.endswith(".json")]
        for name in reversed(names):
            held = _checkpoint(store, name)
            if held.run.run == run:
                return _Sealed(held.last_event, held.why is Why.CLOSE or name != names[-1])
            if held.at < began:
                break
    return None


def _checkpoint(store: Store, name: str) -> Checkpoint:
    try:
        return open_envelope(KIND, store.get(name) or b"", Checkpoint).body
    except NotStrict as error:
        raise EvidenceCorrupt(
            f"a checkpoint cannot be read: {error}",
            where="the audit store",
            next_step="keep the store as it is and tell whoever guards it.",
        ) from None
