"""When the monitor calls it poisoning: the numbers of the playbook's trigger, as pure functions.

Law: no clock, no network. The trigger is a relative rise of the negative share by more than 40 %
with a sample floor, because 40 % on 30 answers is noise (13 % of such windows at a base of 0.20).
It has to be confirmed by any two of: the probe set, the shadow, the feedback stream. A shadow that
rises too is reported as a number; whoever responds decides what it means.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

RISE: Final = 0.40
COMMON_BASE: Final = 0.20
COMMON_FLOOR: Final = 500
RARE_SIGMAS: Final = 4.0
RARE_EXPECTED: Final = 5.0
"""Below so many expected negatives a normal approximation says nothing."""
PROBE_DROP: Final = 0.10
PROBE_FLIPS: Final = 0.05
SHADOW_DISAGREEMENT: Final = 0.15
STREAM_FLOOR: Final = 30
"""Labels in the window below which the feedback stream says nothing."""
VOLUME: Final = 3.0
TOP_ACCOUNTS: Final = 0.30
YOUNG_ACCOUNTS: Final = 0.25
YOUNG: Final = timedelta(days=7)
NEAR_DUPLICATES: Final = 0.20

_WORD: Final = re.compile(r"[a-z]{4,}")


@dataclass(frozen=True)
class Label:
    """One label of the feedback stream."""

    at: datetime
    account: str
    account_created_at: datetime
    text: str


@dataclass(frozen=True)
class Stream:
    """The feedback stream over one window. Shares are 0 to 1."""

    labels: int
    volume_ratio: float
    """Labels a second against the base rate."""
    top_share: float
    """What the busiest 1 % of the accounts (at least one) sent."""
    young_share: float
    """From accounts younger than seven days at the time."""
    near_duplicates: float
    """Labels whose text has the same content words as an earlier one."""

    def indicators(self) -> list[str]:
        """The indicators that stand out, by name."""
        if self.labels < STREAM_FLOOR:
            return []
        seen = {
            "volume": self.volume_ratio >= VOLUME,
            "top-accounts": self.top_share >= TOP_ACCOUNTS,
            "young-accounts": self.young_share >= YOUNG_ACCOUNTS,
            "near-duplicates": self.near_duplicates >= NEAR_DUPLICATES,
        }
        return [name for name, stands_out in seen.items() if stands_out]


@dataclass(frozen=True)
class Signals:
    """One look at the service. Shares are 0 to 1."""

    n: int
    negative_share: float
    base_share: float
    probe_drop: float
    """Accuracy at the base minus accuracy now."""
    probe_flips: float
    """Share of probe texts with another answer than at the base."""
    shadow_share: float
    shadow_disagreement: float
    stream: Stream

    @property
    def rise(self) -> float:
        """The relative rise of the negative share: 0.4 is 40 %."""
        return relative_rise(self.negative_share, self.base_share)

    @property
    def shadow_rise(self) -> float:
        """The same for the known-good shadow on the same texts."""
        return relative_rise(self.shadow_share, self.base_share)

    @property
    def shadow_agrees(self) -> float:
        """Share of texts that the known-good shadow answers alike."""
        return 1 - self.shadow_disagreement

    def triggered(self) -> bool:
        """Whether the negative share rose by more than 40 % on a sample that can tell."""
        return triggered(self.negative_share, self.base_share, self.n)

    def confirmations(self) -> list[str]:
        """Which of probe, shadow and feedback confirm."""
        seen = {
            "probe": self.probe_drop >= PROBE_DROP or self.probe_flips >= PROBE_FLIPS,
            "shadow": self.shadow_disagreement >= SHADOW_DISAGREEMENT,
            "feedback": bool(self.stream.indicators()),
        }
        return [name for name, confirms in seen.items() if confirms]

    def world_changed(self) -> bool:
        """Whether the shadow shows the same rise: other texts, not another model."""
        return triggered(self.shadow_share, self.base_share, self.n)

    def firing(self) -> bool:
        """Whether to alert: confirmed by two, or the shadow rises too (drift is news as well)."""
        if not self.triggered():
            return False
        return len(self.confirmations()) >= 2 or self.world_changed()


def relative_rise(share: float, base: float) -> float:
    """``share / base - 1``; infinite over a base of nothing."""
    if base <= 0:
        return math.inf if share > 0 else 0.0
    return share / base - 1


def triggered(share: float, base: float, n: int) -> bool:
    """More than 40 % above ``base``, on at least 500 texts, or by 4 sigmas where base < 0.20."""
    if relative_rise(share, base) <= RISE:
        return False
    if base >= COMMON_BASE:
        return n >= COMMON_FLOOR
    return n * base >= RARE_EXPECTED and sigmas(share, base, n) >= RARE_SIGMAS


def sigmas(share: float, base: float, n: int) -> float:
    """How many standard errors ``share`` of ``n`` is above ``base`` (0 < base < 1)."""
    return (share - base) / math.sqrt(base * (1 - base) / n)


def observe_stream(labels: Sequence[Label], window: timedelta, base_rate: float) -> Stream:
    """The feedback stream over ``window``; ``base_rate`` is in labels a second, above 0."""
    n = len(labels)
    if n == 0:
        return Stream(0, 0.0, 0.0, 0.0, 0.0)
    accounts = Counter(label.account for label in labels)
    busiest = accounts.most_common(math.ceil(len(accounts) / 100))
    young = sum(label.at - label.account_created_at < YOUNG for label in labels)
    contents = Counter(content(label.text) for label in labels)
    return Stream(
        labels=n,
        volume_ratio=n / window.total_seconds() / base_rate,
        top_share=sum(count for _, count in busiest) / n,
        young_share=young / n,
        near_duplicates=1 - len(contents) / n,
    )


def content(text: str) -> frozenset[str]:
    """The content words of ``text``: equal for texts that differ in case, marks, numbers, order."""
    return frozenset(_WORD.findall(text.lower()))
