"""The figures of one run: what was measured, the ratios to the floor, and the aims."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.costs import Replayed
from bench.harder import Measured
from bench.latency import Moments
from bench.storm import Count, Gusts
from bench.throughput import Block, Events
from bench.watching import Measured as People

LATENCY_AIM: Final = 1.25
THROUGHPUT_AIM: Final = 0.8
EVENTS_AIM: Final = 1.5


@dataclass(frozen=True)
class Results:
    """All that one run measured; of a pair, Hemostat's comes first."""

    latency: tuple[list[Moments], list[Moments]]
    throughput: tuple[list[Block], list[Block]]
    events: tuple[list[Events], list[Events]]
    storm: tuple[Gusts, Gusts, Gusts, Count]
    replayed: tuple[Replayed, Replayed]
    one_alert: dict[str, float]
    harder: list[Measured]
    people: People
    at_once: tuple[int, int]
    load: tuple[float, float]
    others: float
    """The share of the machine's processors that went to other work meanwhile."""
    seconds: float


@dataclass(frozen=True)
class Aim:
    """One aim and what was measured; ``at_most`` or at least ``bound``."""

    what: str
    ratio: float
    bound: float
    at_most: bool

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound

    def row(self) -> str:
        """Its line of the table."""
        sign = "≤" if self.at_most else "≥"
        said = "met" if self.met else "**missed**"
        return f"| {self.what} | {self.ratio:.2f}x | {sign} {self.bound}x | {said} |"


def aims(results: Results) -> list[Aim]:
    """Every aim, in order."""
    ours, floor = results.latency
    ours_b, floor_b = results.throughput
    ours_e, floor_e = results.events
    gateway, accept, signal, _ = results.storm
    return [
        Aim(
            "(a) alert → first containing effect, p50",
            median(m.effect for m in ours) / median(m.effect for m in floor),
            LATENCY_AIM,
            at_most=True,
        ),
        Aim(
            "(a) alert → containment proven, p50",
            median(m.proven for m in ours) / median(m.proven for m in floor),
            LATENCY_AIM,
            at_most=True,
        ),
        Aim(
            "(b) incidents a second",
            median(b.rate for b in ours_b) / median(b.rate for b in floor_b),
            THROUGHPUT_AIM,
            at_most=False,
        ),
        Aim(
            "(b) history events an incident",
            mean_events(ours_e) / mean_events(floor_e),
            EVENTS_AIM,
            at_most=True,
        ),
        Aim(
            "(c) alerts a second, beside a signal-with-start each",
            rate(gateway, gateway.answered) / rate(signal, signal.answered),
            THROUGHPUT_AIM,
            at_most=False,
        ),
        Aim(
            "(c) alerts a second, beside a handler that only answers 202",
            rate(gateway, gateway.answered) / rate(accept, accept.answered),
            THROUGHPUT_AIM,
            at_most=False,
        ),
    ]


def is_whole(count: Count) -> bool:
    """Whether the storm was one incident, with every delivery in it once."""
    exact = {count.sent, count.in_view, count.in_journal, count.deliveries}
    return count.incidents == 1 and len(exact) == 1


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The value that 95 % do not exceed."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def rate(side: Gusts, seconds: list[float]) -> float:
    """Alerts a second, of the median block."""
    return side.alerts / len(seconds) / median(seconds)


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean."""
    return statistics.fmean(values)


def mean_events(events: Sequence[Events]) -> float:
    """History events of one incident."""
    return mean(sum(e.types.values()) for e in events)


def summed(counts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up by name."""
    total: dict[str, float] = {}
    for cpu in counts:
        for name, seconds in cpu.items():
            total[name] = total.get(name, 0.0) + seconds
    return total
