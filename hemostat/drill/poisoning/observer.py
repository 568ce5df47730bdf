"""The observer: looks from outside through the public edge, all the time, and keeps every look.

What a drill reports about harm and recovery comes from here; nothing is taken from Hemostat's own
word. Every look asks the same texts, which users sent before anything happened: what changes is
the service. Two samples of 600 differ by more than a tenth in their negative share one time in
five (binomial, at 38 %), whoever answers them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx2

from hemostat.drill.range.poisoning.measure import Measurement
from hemostat.drill.range.poisoning.range import Range
from hemostat.drill.report import Sample

_EVERY_SECONDS: Final = 1.0
_BASELINE_LOOKS: Final = 3


@dataclass
class Observer:
    """Samples of one drill, oldest first."""

    range: Range
    samples: list[Sample] = field(default_factory=list)
    told: Callable[[Sample], None] = lambda _: None
    texts: list[str] = field(default_factory=list)
    """What is asked at every look."""

    async def baseline(self) -> Measurement:
        """Look a few times before anything happens; return the last look."""
        self.texts = await self.range.live_texts()
        for _ in range(_BASELINE_LOOKS - 1):
            self.samples.append(_sample(await self.range.measure(self.texts)))
        last = await self.range.measure(self.texts)
        self.samples.append(_sample(last))
        return last

    async def watch(self) -> None:
        """Look every second until cancelled."""
        while True:
            self.samples.append(await self._look())
            self.told(self.samples[-1])
            await asyncio.sleep(_EVERY_SECONDS)

    async def _look(self) -> Sample:
        try:
            return _sample(await self.range.measure(self.texts))
        except httpx2.HTTPError:
            return Sample(datetime.now(UTC), None, None, 0, 0, ())

    def between(self, start: datetime, end: datetime) -> list[Sample]:
        """The samples of a time."""
        return [sample for sample in self.samples if start <= sample.at < end]


def _sample(seen: Measurement) -> Sample:
    """Keep what a drill tells."""
    return Sample(
        at=seen.at,
        negative_share=seen.negative_share,
        accuracy=seen.probe_accuracy,
        predict_status=seen.predict_status,
        feedback_status=seen.feedback_status,
        versions=tuple(sorted(set(seen.versions.values()))),
    )
