"""Turns at a steady rate, without drift: what traffic in the range is paced by."""

import asyncio
from collections.abc import AsyncIterator


async def turns(per_second: float) -> AsyncIterator[None]:
    """Yield ``per_second`` times a second for ever; a late turn is taken at once, not skipped."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        await asyncio.sleep(max(0.0, due - clock()))
        yield
        due = max(due + 1 / per_second, clock() - 1)
