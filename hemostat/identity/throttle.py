"""Guessing gets slower: after a few failures each further one has to wait twice as long.

Looking at a secret costs much by design. That is done on a thread of its own, one at a time and so
many waiting, so that a flood of guesses keeps no alert from the threads that seal it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Network
from time import monotonic
from typing import Final, ParamSpec, TypeVar

from starlette.requests import Request

from hemostat.settings.addresses import address_in

P = ParamSpec("P")
T = TypeVar("T")

FREE: Final = 5
"""Failures that cost nothing."""
_LONGEST: Final = 900.0
_REMEMBERED: Final = 10_000
MOST_CHECKED: Final = 32
"""Secrets that wait to be looked at; it takes a tenth of a second each."""


def asker(request: Request) -> str:
    """Return from where *request* comes, as far as one sender cannot choose it anew each time.

    Whoever has an IPv6 address has a whole network of them (a /64).
    """
    host = request.client.host if request.client else ""
    found = address_in(host)
    if found is None or found.version == 4:
        return str(found or host)
    return str(IPv6Network((int(found), 64), strict=False))


class Throttle:
    """Failures by whatever they were made at: an account from an address."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Return the seconds until another try is looked at; 0 if it is now."""
        count, last = self._failures.get(key, (0, 0.0))
        if count < FREE:
            return 0.0
        pause = min(2.0 ** (count - FREE), _LONGEST)
        return max(0.0, last + pause - monotonic())

    def failed(self, key: str) -> None:
        """Note a failure."""
        count, _ = self._failures.pop(key, (0, 0.0))
        self._failures[key] = (count + 1, monotonic())
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def held(self, key: str) -> None:
        """Forget the failures: this one was right."""
        self._failures.pop(key, None)


class Checking:
    """Where secrets are looked at: one after the other, apart from everything else."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="secrets")
        self._under_way = 0

    @property
    def has_room(self) -> bool:
        """Whether one more can be looked at soon."""
        return self._under_way < MOST_CHECKED

    async def run(self, look: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what *look* says, once it is its turn."""
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, lambda: look(*args, **kwargs))
        finally:
            self._under_way -= 1
