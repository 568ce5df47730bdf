"""A slow machine has slow figures, not an end: what it refuses or delays for now is asked again.

A sender of alerts sends again what was answered 503, and so does the load generator
(``bench.posting``): the moment at which it began stays the first one. What Temporal cannot answer
just now is asked again as well, and what a worker that has just taken an incident over refuses to
show (``workers.history_guard``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from hemostat.gateway.incident_signal import NotAccepted

AGAIN_AFTER: Final = 0.2
WITHIN: Final = 60.0
"""Seconds in which whatever is asked again must have been answered."""

_FOR_NOW: Final = {
    RPCStatusCode.CANCELLED,  # what the SDK makes of its own deadline
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.UNAVAILABLE,
}
T = TypeVar("T")


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Return what *ask* returns, asked again as long as Temporal refuses for now.

    ``TimeoutError``, with the last refusal, if it does so for ``WITHIN``.
    """
    refusal: Exception | None = None
    try:
        async with asyncio.timeout(WITHIN):
            while True:
                try:
                    return await ask()
                except (NotAccepted, WorkflowQueryFailedError) as error:
                    refusal = error
                except RPCError as error:
                    if error.status not in _FOR_NOW:
                        raise
                    refusal = error
                await asyncio.sleep(AGAIN_AFTER)
    except TimeoutError:
        raise TimeoutError(f"refused for {WITHIN:.0f} s, in the end: {refusal}") from refusal


async def look(handle: WorkflowHandle[Any, Any], query: str = "incident") -> Any:
    """What an incident, or the floor's, shows of itself."""
    return await patiently(lambda: handle.query(query))


async def signal(handle: WorkflowHandle[Any, Any], name: str, said: dict[str, Any]) -> None:
    """Tell an incident something; a decision that comes twice counts once."""
    await patiently(lambda: handle.signal(name, said))
