"""How much of everything (e) has: people, incidents, rates."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Rate:
    """Decisions a second, the seconds of a block, and how many blocks each side has."""

    decisions: int
    seconds: float
    blocks: int

    @property
    def decided(self) -> int:
        """How many decisions there are on each side."""
        return self.blocks * int(self.decisions * self.seconds)


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    incidents: int = 1000
    watchers: int = 500
    watched: int = 25
    """Incidents that half of them watch; the others watch the list."""
    pages: int = 5
    rates: tuple[Rate, ...] = (Rate(8, 12.0, 2), Rate(50, 8.0, 2))
    listed: int = 10_000
    people: int = 20
    ramp: float = 12.0
    closes_every: int = 25
    """Every so manieth decision closes its incident."""


WHOLE: Final = Size()
SMOKE: Final = Size(
    incidents=12,
    watchers=8,
    watched=4,
    pages=3,
    rates=(Rate(2, 2.0, 1), Rate(4, 2.0, 1)),
    listed=60,
    people=2,
    ramp=0.2,
    closes_every=5,
)
