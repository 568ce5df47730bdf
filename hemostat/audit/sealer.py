"""The sealer: notices every incident there is and has each one sealed, from its opening to its close.

Law: the register says what is still to be sealed, Temporal's visibility what has begun, and nothing
else is remembered. So a run that was terminated, reset or timed out while nobody looked is sealed
when somebody looks again, and a workflow that is gone is noticed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from hemostat.audit.follower import Follower, Sealer
from hemostat.audit.register import Register, Which
from hemostat.audit.tail import Opening, opening_of
from schemas.errors import HemostatError

LOOK_EVERY: Final = 0.5
"""Seconds between two looks for incidents that have begun."""

SWEEP_EVERY: Final = 30.0
"""Seconds between two looks for those that began and ended between two looks."""

_OVERLAP: Final = timedelta(minutes=10)
"""How far a sweep looks back before the last one: visibility is behind at times."""

_log = logging.getLogger(__name__)


async def run_sealer(sealer: Sealer, stop: asyncio.Event) -> None:
    """Seal until *stop* is set."""
    register = Register(sealer.store, sealer.key)
    await asyncio.to_thread(register.catch_up)
    await _Watch(sealer, register).until(stop)


async def seal_all(sealer: Sealer) -> None:
    """Seal whatever there is and return when nothing is left open but what still runs.

    For the end of a drill and for tests: one sweep, and every incident that has ended is followed
    to its sealed close.
    """
    register = Register(sealer.store, sealer.key)
    await asyncio.to_thread(register.catch_up)
    watch = _Watch(sealer, register)
    ended = {which async for which, execution in watch.unknown("") if execution.close_time}
    for opening in register.open_ones():
        if (which := (opening.incident, opening.first_run)) in ended or not await watch.runs(which):
            await Follower(sealer, register, opening).follow()


class _Watch:
    """Who follows what."""

    def __init__(self, sealer: Sealer, register: Register) -> None:
        self._sealer, self._register = sealer, register
        self._followers: dict[Which, tuple[Follower, asyncio.Task[None]]] = {}
        self._known: dict[str, Opening] = {}
        """By run, what its first event says."""
        self._swept: datetime | None = None

    async def until(self, stop: asyncio.Event) -> None:
        """Look and follow until *stop* is set."""
        loop = asyncio.get_running_loop()
        sweep_at = loop.time()
        try:
            while not stop.is_set():
                try:
                    await self._look(sweep=loop.time() >= sweep_at)
                    if loop.time() >= sweep_at:
                        sweep_at = loop.time() + SWEEP_EVERY
                except (RPCError, HemostatError) as error:
                    said = error.status.name if isinstance(error, RPCError) else str(error)
                    _log.warning("cannot look for incidents: %s; trying again", said)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_EVERY)
        finally:
            tasks = [task for _, task in self._followers.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, *, sweep: bool) -> None:
        began = datetime.now(UTC)
        async for _ in self.unknown("ExecutionStatus = 'Running'"):
            pass
        if sweep:
            since = self._swept
            async for _ in self.unknown(f"CloseTime > '{since.isoformat()}'" if since else ""):
                pass
            self._swept = began - _OVERLAP
        self._forget_done()
        for opening in self._register.open_ones():
            which = (opening.incident, opening.first_run)
            if which not in self._followers:
                follower = Follower(self._sealer, self._register, opening)
                self._followers[which] = (follower, asyncio.create_task(follower.follow()))

    def _forget_done(self) -> None:
        for which, (_, task) in list(self._followers.items()):
            if task.done():
                del self._followers[which]
                if error := task.exception():
                    _log.error("%s: sealing stopped: %s", which[0], error, exc_info=error)

    async def unknown(self, query: str) -> AsyncIterator[tuple[Which, WorkflowExecution]]:
        """Enter what *query* finds and the register does not know; yield it."""
        async for execution in self._sealer.client.list_workflows(query or None):
            if execution.run_id not in self._known:
                opening = await opening_of(self._sealer.client, execution.id, execution.run_id)
                self._known[execution.run_id] = opening
                if (execution.id, opening.first_run) in self._followers:
                    self._followers[execution.id, opening.first_run][0].look_again()
            opening = self._known[execution.run_id]
            which = self._which(execution, opening.first_run)
            if which is None or which in self._register.opened:
                continue
            await asyncio.to_thread(
                self._register.enter_opened,
                *which,
                playbook=execution.workflow_type,
                drill=opening.drill or execution.id.startswith("drill-"),
                opened_at=execution.start_time,
            )
            yield which, execution

    def _which(self, execution: WorkflowExecution, first_run: str) -> Which | None:
        """Return what *execution* is a run of: an incident, or a reset of one that was closed."""
        which = (execution.id, first_run)
        closed = self._register.closed.get(which)
        if closed is None:
            return which
        if execution.status is WorkflowExecutionStatus.CONTINUED_AS_NEW:
            return None
        if execution.start_time <= datetime.fromisoformat(closed.body.at):
            return None
        return (execution.id, execution.run_id)

    async def runs(self, which: Which) -> bool:
        """Whether the incident still runs."""
        try:
            found = await self._sealer.client.get_workflow_handle(which[0]).describe()
        except RPCError:
            return False
        return found.status is WorkflowExecutionStatus.RUNNING
