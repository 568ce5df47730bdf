"""Guessing gets slower: after a few failures each further one has to wait twice as long."""

from collections import OrderedDict
from time import monotonic
from typing import Final

FREE: Final = 5
"""Failures that cost nothing."""
_LONGEST: Final = 900.0
_REMEMBERED: Final = 10_000


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
