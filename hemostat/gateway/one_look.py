"""What a look finds, for everybody who asks meanwhile and for a moment after.

A check reaches out to every system that is configured, with the keys of an emergency. Whoever may
see what it finds may not have it done as often as they can ask.
"""

import asyncio
from time import monotonic
from typing import Final

from hemostat.console.doors import Findings
from schemas.errors import HemostatError, SystemUnreachable

GOOD_FOR: Final = 5.0
"""Seconds; a look that failed is good for none."""

ENDS_WITHIN: Final = 120.0
"""Seconds until a look is given up: nobody waits for one that never ends."""

Found = tuple[list[HemostatError], list[str]]


class OneLook:
    """Looks once at a time; whoever goes away while it looks takes it from nobody else."""

    def __init__(self, look: Findings) -> None:
        self._look = look
        self._looking: asyncio.Task[Found] | None = None
        self._at = 0.0

    async def __call__(self) -> Found:
        """Return what is found now, or was found a moment ago."""
        if self._looking is None or self._is_over(self._looking):
            self._looking, self._at = asyncio.create_task(self._now()), monotonic()
        return await asyncio.shield(self._looking)

    def _is_over(self, look: asyncio.Task[Found]) -> bool:
        if not look.done():
            return False
        failed = look.cancelled() or look.exception() is not None
        return failed or monotonic() - self._at > GOOD_FOR

    async def _now(self) -> Found:
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                found = await self._look()
        except TimeoutError as error:
            raise SystemUnreachable(
                "the check did not end in time", next_step="`hemostat check` on its own machine."
            ) from error
        self._at = monotonic()
        return found
