"""What a look finds, for everybody who asks meanwhile and for a moment after.

A look reaches out: the check to every system that is configured, with the keys of an emergency.
Whoever may see what it finds may not have it done as often as they can ask.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, Generic, TypeVar

from schemas.errors import SystemUnreachable

GOOD_FOR: Final = 5.0
"""Seconds; a look that failed is good for none."""

ENDS_WITHIN: Final = 120.0
"""Seconds until a look is given up: nobody waits for one that never ends."""

T = TypeVar("T")


class OneLook(Generic[T]):
    """Looks once at a time; whoever goes away while it looks takes it from nobody else.

    What was found is good for *good_for* seconds; 0: only for who asked while it looked.
    """

    def __init__(self, look: Callable[[], Awaitable[T]], good_for: float = GOOD_FOR) -> None:
        self._look = look
        self._good_for = good_for
        self._looking: asyncio.Task[T] | None = None
        self._at = 0.0

    async def __call__(self) -> T:
        """Return what is found now, or was found a moment ago."""
        if self._looking is None or self._is_over(self._looking):
            self._looking = asyncio.create_task(self._now())
        return await asyncio.shield(self._looking)

    def _is_over(self, look: asyncio.Task[T]) -> bool:
        if not look.done():
            return False
        failed = look.cancelled() or look.exception() is not None
        return failed or not self._good_for or monotonic() - self._at > self._good_for

    async def _now(self) -> T:
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                found = await self._look()
        except TimeoutError as error:
            raise SystemUnreachable(
                "the check did not end in time", next_step="`hemostat check` on its own machine."
            ) from error
        self._at = monotonic()
        return found
