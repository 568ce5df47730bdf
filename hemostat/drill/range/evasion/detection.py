"""When the monitor calls it adversarial evasion: the triggers of the playbook, as pure functions.

Law: no clock, no network. Each trigger has a sample floor, because shares of few say nothing: a
false-negative rate of 2 % against 0.5 % is chance once in 3 million at 1000 audits, once in 1000
at 400. The floors are tuned for a window of the newest 1000 audits; a cluster needs three confirmed
items that share one sticker, instability fifty pictures. One item flagged as apparent CSAM is a
trigger by itself.
"""

from dataclasses import dataclass
from typing import Any, Final

AUDIT_FLOOR: Final = 1000
FALSE_NEGATIVES: Final = 0.02
CLUSTER_FLOOR: Final = 3
TRANSFORM_FLOOR: Final = 50
TRANSFORM_RATIO: Final = 3.0
_LEAST_BASE: Final = 0.01
"""A base below one picture in a hundred is taken as that: three times nothing is nothing."""


@dataclass(frozen=True)
class EvasionSignals:
    """One look at the service's own numbers. Shares are 0 to 1."""

    audit_n: int
    fn_rate: float
    fn_base: float
    transform_n: int
    transform_disagree: float
    base_disagree: float
    cluster_items: int
    cluster_hamming_max: int
    cluster_phash: str | None
    flagged: int
    version: str

    @classmethod
    def of(cls, seen: dict[str, Any], fn_base: float, base_disagree: float) -> "EvasionSignals":
        """Keep of ``GET /admin/signals`` what a decision needs."""
        names = cls.__dataclass_fields__.keys() & seen.keys()
        return cls(
            **{name: seen[name] for name in names}, fn_base=fn_base, base_disagree=base_disagree
        )

    def triggers(self) -> list[str]:
        """Which triggers are met, by name."""
        unstable = self.transform_disagree >= TRANSFORM_RATIO * max(self.base_disagree, _LEAST_BASE)
        met = {
            "false-negatives": self.audit_n >= AUDIT_FLOOR and self.fn_rate >= FALSE_NEGATIVES,
            "cluster": self.cluster_items >= CLUSTER_FLOOR,
            "transforms": self.transform_n >= TRANSFORM_FLOOR and unstable,
            "flagged": self.flagged > 0,
        }
        return [name for name, holds in met.items() if holds]

    def firing(self) -> bool:
        """Whether to alert: misses confirmed by people and one more sign, or a flagged item."""
        met = self.triggers()
        return "flagged" in met or ("false-negatives" in met and len(met) > 1)


def annotations(seen: EvasionSignals) -> dict[str, str]:
    """The numbers, as text, with the names of the playbook's sample."""
    numbers: dict[str, float] = {
        "audit_n": seen.audit_n,
        "fn_rate": seen.fn_rate,
        "fn_base": seen.fn_base,
        "transform_n": seen.transform_n,
        "transform_disagree": seen.transform_disagree,
        "base_disagree": seen.base_disagree,
        "cluster_items": seen.cluster_items,
        "cluster_hamming_max": seen.cluster_hamming_max,
        "apparent_csam": seen.flagged,
    }
    return {
        **{name: f"{value:.4g}" for name, value in numbers.items()},
        "cluster_phash": seen.cluster_phash or "",
        "triggers": ", ".join(seen.triggers()),
        "version": seen.version,
        "summary": (
            f"{seen.fn_rate:.1%} of {seen.audit_n} audited approvals are explicit, "
            f"against {seen.fn_base:.1%} before."
        ),
        "description": (
            f"{seen.cluster_items} confirmed misses share one sticker; transforms change the "
            f"decision on {seen.transform_disagree:.1%} of recent approvals."
        ),
    }
