"""The observer: looks from outside through the public edge, all the time, and keeps every look.

What a drill reports about harm and recovery comes from here; nothing is taken from Hemostat's own
word.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx2

from hemostat.drill.range.poisoning.measure import Measurement
from hemostat.drill.range.poisoning.range import Range

_EVERY_SECONDS: Final = 1.0
_BASELINE_LOOKS: Final = 3


@dataclass(frozen=True)
class Sample:
    """One look: None where predictions were not answered at all."""

    at: datetime
    negative_share: float | None
    accuracy: float | None
    predict_status: int
    feedback_status: int
    versions: tuple[str, ...]

    @classmethod
    def of(cls, seen: Measurement) -> "Sample":
        """Keep what a drill tells."""
        return cls(
            at=seen.at,
            negative_share=seen.negative_share,
            accuracy=seen.probe_accuracy,
            predict_status=seen.predict_status,
            feedback_status=seen.feedback_status,
            versions=tuple(sorted(set(seen.versions.values()))),
        )


@dataclass
class Observer:
    """Samples of one drill, oldest first."""

    range: Range
    samples: list[Sample] = field(default_factory=list)
    told: Callable[[Sample], None] = lambda _: None

    async def baseline(self) -> Measurement:
        """Look a few times before anything happens; return the last look."""
        for _ in range(_BASELINE_LOOKS - 1):
            self.samples.append(Sample.of(await self.range.measure()))
        last = await self.range.measure()
        self.samples.append(Sample.of(last))
        return last

    async def watch(self) -> None:
        """Look every second until cancelled."""
        while True:
            self.samples.append(await self._look())
            self.told(self.samples[-1])
            await asyncio.sleep(_EVERY_SECONDS)

    async def _look(self) -> Sample:
        try:
            return Sample.of(await self.range.measure())
        except httpx2.HTTPError:
            return Sample(datetime.now(UTC), None, None, 0, 0, ())

    def between(self, start: datetime, end: datetime) -> list[Sample]:
        """The samples of a time."""
        return [sample for sample in self.samples if start <= sample.at < end]


@dataclass(frozen=True)
class Numbers:
    """What several looks say together: mean shares, the statuses seen."""

    looks: int
    negative_share: float
    accuracy: float
    predict_status: int
    feedback_status: int
    versions: tuple[str, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Numbers":
        """Summarise; the statuses and versions are those of the last look."""
        answered = [s for s in samples if s.negative_share is not None and s.accuracy is not None]
        count = max(len(answered), 1)
        last = samples[-1]
        return cls(
            looks=len(samples),
            negative_share=sum(s.negative_share or 0 for s in answered) / count,
            accuracy=sum(s.accuracy or 0 for s in answered) / count,
            predict_status=last.predict_status,
            feedback_status=last.feedback_status,
            versions=last.versions,
        )
