"""Follows one incident from its opening to its close and seals what happens.

Law: it may be killed between any two instructions and started again, here or elsewhere, beside
another one: all it knows is in the write-once store and in Temporal.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from hemostat import incidents
from hemostat.audit import closing
from hemostat.audit.register import Register
from hemostat.audit.sealing import Overtaken, Sealing
from hemostat.audit.store import Store
from hemostat.audit.tail import (
    Lag,
    asks_people,
    event_bytes,
    goes_on_in,
    opening_of,
    outcome_of,
    pages,
)
from hemostat.audit.timestamps import Timestamps
from hemostat.vault import Vault
from schemas.audit.chain import Link
from schemas.audit.checkpoint import JournalAt, Outcome, Why
from schemas.audit.register import RegisterEntry
from schemas.audit.signing import SigningKey
from schemas.errors import HemostatError
from schemas.journal import GENESIS, Entry, verify_chain

_AGAIN, _AGAIN_AT_MOST = 0.2, 10.0
_SURE_IT_IS_GONE: Final = 5
"""So often in a row must Temporal not know a workflow before it counts as deleted."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sealer:
    """What every follower works with."""

    client: Client
    store: Store
    key: SigningKey
    vault: Vault
    every: timedelta = timedelta(minutes=5)
    """How long new events may be without a checkpoint."""
    patience: timedelta = timedelta(hours=1)
    """How long a close waits for a worker that answers for the journal."""
    journal_within: timedelta = timedelta(seconds=3)
    """How long a checkpoint of an open incident waits for the journal before it does without."""
    timestamps: Timestamps | None = None
    reads: Path | None = None
    """The gateway's record of who read restricted incidents; None: it is not on this host."""
    lag: Lag = field(default_factory=Lag)


class Follower:
    """One incident's."""

    def __init__(self, sealer: Sealer, register: Register, opening: RegisterEntry) -> None:
        self._with, self._register, self._opening = sealer, register, opening
        self._sealing: Sealing
        self._missing = 0
        self._pending_since: float | None = None
        self._stirred = asyncio.Event()
        self._patient_since: float | None = None

    def look_again(self) -> None:
        """There is a run that was not there before: ask anew whether the one followed goes on."""
        self._stirred.set()

    async def follow(self) -> None:
        """Return once the incident is closed, sealed and registered as such."""
        pause = _AGAIN
        while True:
            try:
                await self._from_the_store()
                await self._stamp_the_close()
                await asyncio.to_thread(self._register.enter_closed, self._sealing)
                _log.info(
                    "%s is sealed: %d checkpoints", self._opening.incident, self._sealing.count
                )
                return
            except Overtaken:
                pause = _AGAIN
            except (RPCError, HemostatError) as error:
                said = error.status.name if isinstance(error, RPCError) else str(error)
                _log.warning("%s: %s; trying again", self._opening.incident, said)
                self._note_missing(error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _AGAIN_AT_MOST)

    async def _from_the_store(self) -> None:
        """Take up where the store says, and go on to the close."""
        opening, parts = self._opening, self._with
        self._pending_since = None
        self._sealing = sealing = await asyncio.to_thread(
            Sealing, parts.store, parts.key, opening.incident, opening.first_run
        )
        for seq in range(sealing.count):
            await self._stamp(seq)
        if sealing.run is None:
            sealing.begin_run(opening.first_run, Link.START)
        while not sealing.closed:
            if self._missing >= _SURE_IT_IS_GONE:
                said = "Temporal does not know the workflow any more: it was deleted while open"
                await self._checkpoint(Why.CLOSE, outcome=Outcome.MISSING, gaps=[said])
                return
            last = await self._run_to_its_end()
            if following := goes_on_in(last):
                await self._go_on(following, Link.CONTINUED)
            elif outcome := outcome_of(last):
                if again := await self._reset_to():
                    await self._go_on(again, Link.RESET)
                else:
                    await self._close(outcome)

    async def _go_on(self, run: str, link: Link) -> None:
        if self._sealing.pending:
            await self._checkpoint(Why.RUN)
        self._sealing.begin_run(run, link)

    async def _run_to_its_end(self) -> HistoryEvent:
        """Take the current run's events as they come; return the last of them."""
        sealing, idle = self._sealing, self._with.every.total_seconds()
        assert sealing.run is not None  # noqa: S101 - a run was begun before
        run = sealing.run.run
        sealed = await asyncio.to_thread(sealing.sealed_events, run)
        served: list[bytes] = []
        last = HistoryEvent()
        async for page in pages(self._with.client, sealing.incident, run, idle, self._stirred):
            self._missing = 0
            last = page[-1] if page else last
            if len(served) < len(sealed):
                served += map(event_bytes, page)
                await self._compare(run, sealed, served)
                page = page[len(page) - max(0, len(served) - len(sealed)) :]  # noqa: PLW2901 - the rest
            elif page:
                self._with.lag.note(page[-1])
            if page:
                sealing.take([event_bytes(event) for event in page])
            await self._checkpoint_if_due(page)
            if not page:
                await self._stamp(sealing.count - 1)  # once more, if nobody answered before
        if len(served) < len(sealed):
            await self._alarm(closing.difference(run, sealed, served))
        return last

    async def _checkpoint_if_due(self, page: Sequence[HistoryEvent]) -> None:
        sealing = self._sealing
        now = asyncio.get_running_loop().time()
        if not sealing.pending:
            self._pending_since = None
            return
        if self._pending_since is None:
            self._pending_since = now
        waited = now - self._pending_since
        if sealing.count == 0:
            await self._checkpoint(Why.START)
        elif not page or waited >= self._with.every.total_seconds():  # however steadily they come
            await self._checkpoint(Why.INTERVAL)
        elif any(asks_people(event) for event in page):
            await self._checkpoint(Why.GATE)

    async def _compare(self, run: str, sealed: list[bytes], served: list[bytes]) -> None:
        both = min(len(sealed), len(served))
        await self._alarm(closing.difference(run, sealed[:both], served[:both]))

    async def _alarm(self, told: list[str]) -> None:
        """Seal that Temporal serves something else than was sealed; once for each finding."""
        known = {gap for held in self._sealing.checkpoints() for gap in held.gaps}
        if new := [what for what in told if what not in known]:
            _log.error("%s: %s", self._opening.incident, "; ".join(new))
            await self._checkpoint(Why.ALARM, gaps=new)

    async def _close(self, outcome: Outcome) -> None:
        sealing = self._sealing
        if sealing.pending:  # nothing waits for the journal
            await self._checkpoint(Why.RUN)
        await self._alarm(await closing.altered(self._with.client, sealing))
        loop = asyncio.get_running_loop()
        self._patient_since = self._patient_since or loop.time()
        try:
            found = await closing.gather(
                self._with.client, self._with.vault, sealing, self._opening.playbook
            )
        except incidents.NoWorkerAnswers:
            if loop.time() - self._patient_since < self._with.patience.total_seconds():
                raise
            found = await closing.without_worker(sealing, self._opening.playbook)
        began = datetime.fromisoformat(self._opening.opened_at)
        await closing.reads(found, sealing, self._with.reads, began)
        sealed = {
            name: await asyncio.to_thread(sealing.keep, content)
            for name, content in found.members.items()
        }
        await self._checkpoint(
            Why.CLOSE, journal=found.journal, outcome=outcome, sealed=sealed, gaps=found.gaps
        )

    async def _checkpoint(
        self,
        why: Why,
        *,
        journal: JournalAt | None = None,
        outcome: Outcome | None = None,
        sealed: dict[str, str] | None = None,
        gaps: Sequence[str] = (),
    ) -> None:
        self._pending_since = None
        if why in (Why.START, Why.GATE, Why.INTERVAL):
            journal = await self._journal_now()
        written = await asyncio.to_thread(
            self._sealing.checkpoint,
            why,
            journal=journal,
            outcome=outcome,
            sealed=sealed,
            gaps=gaps,
        )
        await self._stamp(written.seq)

    async def _journal_now(self) -> JournalAt | None:
        """Where the journal is, its new entries kept; sealing never waits long for a worker."""
        sealing = self._sealing
        try:
            kept = await asyncio.to_thread(sealing.journal)
            async with asyncio.timeout(self._with.journal_within.total_seconds()):
                entries = await self._entries_from(len(kept))
            head = verify_chain(entries, len(kept), kept[-1].digest if kept else GENESIS)
        except (TimeoutError, HemostatError, ValueError, RPCError):
            return None
        length = len(kept) + len(entries)
        added = None
        if entries:
            added = await asyncio.to_thread(sealing.keep, closing.journal_lines(entries))
        return JournalAt(length=length, head=head, added=added)

    async def _entries_from(self, start: int) -> list[Entry]:
        """The journal from entry *start* on; from the vault too, where a run has archived it."""
        sealing, client = self._sealing, self._with.client
        run = sealing.run.run if sealing.run else None
        entries = await incidents.journal_from(client, sealing.incident, start, run)
        if entries and entries[0].seq == start:
            return entries
        read = await incidents.journal(client, sealing.incident, self._with.vault, run)
        return [entry for entry in read.entries if entry.seq >= start]

    async def _reset_to(self) -> str | None:
        """Return the run that a reset made of this incident and that is not sealed yet."""
        sealing = self._sealing
        handle = self._with.client.get_workflow_handle(sealing.incident)
        try:
            now = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        known = {header.run for header in sealing.runs()}
        if sealing.run:
            known.add(sealing.run.run)
        if now.run_id in known:
            return None
        found = await opening_of(self._with.client, sealing.incident, now.run_id)
        return now.run_id if found.first_run == sealing.first_run else None

    def _note_missing(self, error: Exception) -> None:
        gone = isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
        self._missing = self._missing + 1 if gone else 0

    # Timestamps

    async def _stamp(self, seq: int) -> None:
        if self._with.timestamps:
            await self._with.timestamps.stamp(self._with.store, self._sealing.place, seq)

    async def _stamp_the_close(self) -> None:
        if self._with.timestamps:
            last = self._sealing.count - 1
            await self._with.timestamps.stamp_last(self._with.store, self._sealing.place, last)
