"""What a drill of adversarial evasion found: as every report, with looks at the moderation edge."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from hemostat.drill.range.evasion.attacker import EvasionReport
from hemostat.drill.range.evasion.range import EvasionLook
from hemostat.drill.report import Report
from schemas.base import iso

SECOND_LOOKS: Final = "contained: second looks in place of auto-approval"


@dataclass(frozen=True)
class Passing:
    """How many of the attacker's uploads passed as safe since its report before."""

    at: datetime
    passed: int
    uploaded: int

    @property
    def share(self) -> float | None:
        """The share that passed, 0 to 1; None where nothing was uploaded."""
        return self.passed / self.uploaded if self.uploaded else None


def passing(attack: EvasionReport) -> list[Passing]:
    """The attacker's own series, as differences."""
    points = [(datetime.fromisoformat(at), passed, n) for at, passed, n in attack.series]
    return [
        Passing(after[0], after[1] - before[1], after[2] - before[2])
        for before, after in itertools.pairwise(points)
    ]


@dataclass
class EvasionDrill(Report):
    """All of one drill of adversarial evasion."""

    looks: list[EvasionLook] = field(default_factory=list)
    attack: EvasionReport | None = None
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    """Numbers by moment: before, during, after."""

    def passing(self) -> Sequence[Passing]:
        """What passed over time."""
        return [] if self.attack is None else passing(self.attack)

    def document(self) -> dict[str, Any]:
        """The report as JSON, with every look and the attacker's own tally."""
        return {
            **super().document(),
            "numbers": self.measured,
            "samples": [
                {**asdict(look), "at": iso(look.at), "evaded": look.evaded, "served": look.served}
                for look in self.looks
            ],
            "attack": None if self.attack is None else asdict(self.attack),
        }
