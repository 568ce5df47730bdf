"""What one run commands of Temporal: acts, timers and conditions, until the run is over.

Temporal hands a run its signals first and then, in the same workflow task, what acts and timers
have brought. When the signals make the incident go on in a new run, whoever waits for an act still
wakes after that, and what he then commands comes after the command to go on: the server refuses
the whole task, again and again. Law: the engine and the playbooks wait only through this file, and
nobody who waits here goes on once the run is over; the new run takes it up where it stood.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow

Result = TypeVar("Result")


def is_over() -> bool:
    """Whether it is decided that the incident goes on in a new run."""
    return bool(getattr(workflow.instance(), "over", False))


async def _unless_over() -> None:
    """Return at once, or never: what waits for ever ends with the run."""
    if is_over():
        await asyncio.get_running_loop().create_future()


async def activity(name: str, request: Any, *, result_type: type[Result], **options: Any) -> Result:
    """Schedule the activity *name*, as ``workflow.execute_activity``, and return its result."""
    await _unless_over()
    try:
        result: Result = await workflow.execute_activity(
            name, request, result_type=result_type, **options
        )
    except Exception:  # not a cancellation: that is how a run is torn down
        await _unless_over()
        raise
    await _unless_over()
    return result


async def sleep(duration: timedelta | float, *, summary: str) -> None:
    """Let *duration* pass (seconds, where it is a number)."""
    await _unless_over()
    await workflow.sleep(duration, summary=summary)
    await _unless_over()


async def until(
    holds: Callable[[], bool], *, within: timedelta | float | None = None, summary: str = ""
) -> None:
    """Wait until *holds*; raises ``TimeoutError`` when *within* (or its seconds) is over first."""
    await _unless_over()
    try:
        await workflow.wait_condition(holds, timeout=within, timeout_summary=summary or None)
    except Exception:  # not a cancellation: that is how a run is torn down
        await _unless_over()
        raise
    await _unless_over()
