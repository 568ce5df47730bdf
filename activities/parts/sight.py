"""A watch that cannot see is no watch: after a while its people are told. Pure, but for a clock.

Law: a system that does not answer for a moment keeps nobody from watching; one that stays silent
ends the watch with an error that is not tried again, so that the incident says "not watched", pages
its commander, and begins anew.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from schemas.errors import NotWatching


class Sight:
    """How long a watch has seen nothing of *where*; raises after *blind_after*."""

    def __init__(
        self, where: str, blind_after: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._where = where
        self._patience = blind_after.total_seconds()
        self._clock = clock
        self._since: float | None = None

    def saw(self) -> None:
        """It answered."""
        self._since = None

    def missed(self) -> None:
        """It did not answer; ``NotWatching`` when that has lasted."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        if now - self._since >= self._patience:
            raise NotWatching(
                f"could not be looked at for {round(self._patience)} s",
                where=self._where,
                next_step="See why it does not answer; what happened meanwhile was seen by nobody.",
            )
