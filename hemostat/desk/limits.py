"""How often one caller may ask: a bucket that fills steadily and takes bursts.

In this process alone: with several gateways each caller has as much at each of them.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from schemas.errors import HemostatError
from schemas.who import Who

_CALLERS: Final = 10_000


class AskedTooMuch(HemostatError):
    """It is not done now; ``retry_after`` is in seconds."""

    retry_after: int = 1


def caller_of(who: Who) -> str:
    """Return what tells one caller from another."""
    return f"{who.kind} {who.subject} {who.person}"


@dataclass
class _Bucket:
    left: float
    at: float


class Limit:
    """*per_second* on average, *burst* at once, for each caller; *clock* tells seconds."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, caller: str) -> int | None:
        """Take one; return None, or the whole seconds after which there is one again."""
        now = self._clock()
        bucket = self._buckets.pop(caller, None) or _Bucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        self._buckets[caller] = bucket
        while len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return max(1, math.ceil((1 - bucket.left) / self._rate))
        bucket.left -= 1
        return None
