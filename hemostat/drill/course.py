"""What every drill waits for: the incident that the attack opens, its journal, its end.

Law: an incident is opened by the alert alone; a drill never starts one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from temporalio.client import WorkflowExecutionStatus

from hemostat.drill.stage import StageOn
from hemostat.incidents import journal_from, list_incidents
from schemas.errors import HemostatError, NotHeld
from schemas.incident import IncidentResult
from schemas.journal import Kind

_DETECTED_WITHIN: Final = 60.0
_CLOSED_WITHIN: Final = 150.0

Tell = Callable[[str, str], None]
"""Told what happens as it happens: who says it, and what."""


@asynccontextmanager
async def beside(*doing: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have these going on meanwhile; none of them outlives it."""
    tasks = [asyncio.create_task(one) for one in doing]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def detected(stage: StageOn[Any]) -> str:
    """Wait for the incident that the alert opens by itself."""
    try:
        async with asyncio.timeout(_DETECTED_WITHIN):
            while True:
                if rows := await list_incidents(stage.client):
                    return rows[0].id
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise NotHeld(
            "no alert opened an incident", where="drill", next_step="run it again with --keep-logs."
        ) from error


async def closed(stage: StageOn[Any], incident: str) -> IncidentResult | None:
    """Wait for its end; None if it goes on for too long."""
    handle = stage.client.get_workflow_handle(incident, result_type=IncidentResult)
    try:
        async with asyncio.timeout(_CLOSED_WITHIN):
            result: IncidentResult = await handle.result()
            return result
    except TimeoutError:
        described = await handle.describe()
        assert described.status is WorkflowExecutionStatus.RUNNING  # noqa: S101 - it timed out
        return None


async def follow(stage: StageOn[Any], incident: str, tell: Tell) -> None:
    """Tell the journal as it grows."""
    seen = 0
    quiet = (Kind.EFFECT, Kind.EVIDENCE)
    while True:
        try:
            entries = await journal_from(stage.client, incident, seen)
        except HemostatError:  # the worker is busy starting; look again
            entries = []
        for entry in entries:
            seen = entry.seq + 1
            if entry.kind not in quiet and not (entry.kind is Kind.PROOF and "look" in entry.says):
                tell(entry.kind.value, entry.says)
        await asyncio.sleep(0.4)
