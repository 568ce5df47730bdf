"""What a drill found: moments, numbers from outside, and what of all that was claimed held."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from schemas.base import iso

ATTACK_BEGINS: Final = "the attack begins"
ROLLED_BACK: Final = "rolled back to a version trained before the poison"


@dataclass(frozen=True)
class Moment:
    """Something that happened, and how we know: measured outside, or told by the record."""

    at: datetime
    what: str
    source: str


@dataclass(frozen=True)
class Claim:
    """One thing that must hold, with what was seen."""

    claim: str
    held: bool
    seen: str


@dataclass(frozen=True)
class Sample:
    """One look: None where predictions were not answered at all."""

    at: datetime
    negative_share: float | None
    accuracy: float | None
    predict_status: int
    feedback_status: int
    versions: tuple[str, ...]


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


@dataclass
class Report:
    """All of one drill."""

    scenario: str
    responded: bool
    incident: str | None = None
    moments: list[Moment] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    numbers: dict[str, Numbers] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    journal_head: str | None = None
    pack: tuple[bytes, bytes] | None = None
    """The sealed record as one file, and the trust file beside it; gone with the stage otherwise."""

    @property
    def held(self) -> bool:
        """Whether everything held; a drill that claims nothing did not."""
        return bool(self.claims) and all(claim.held for claim in self.claims)

    def claim(self, says: str, held: bool, seen: object) -> None:
        """Note one claim and what was seen."""
        self.claims.append(Claim(says, held, str(seen)))

    def note(self, at: datetime | None, what: str, source: str) -> None:
        """Note a moment, if it came."""
        if at is not None:
            self.moments.append(Moment(at, what, source))

    def took(self, what: str, since: datetime | None, until: datetime | None) -> None:
        """Note how long something took, if both its ends came."""
        if since is not None and until is not None:
            self.durations[what] = (until - since).total_seconds()

    def document(self) -> dict[str, Any]:
        """The report as JSON; durations in seconds, shares 0 to 1."""
        return {
            "scenario": self.scenario,
            "exercise": True,
            "responded": self.responded,
            "held": self.held,
            "incident": self.incident,
            "journal_head": self.journal_head,
            "claims": [asdict(claim) for claim in self.claims],
            "durations": self.durations,
            "numbers": {name: asdict(numbers) for name, numbers in self.numbers.items()},
            "moments": [
                {"at": iso(m.at), "what": m.what, "source": m.source}
                for m in sorted(self.moments, key=lambda m: m.at)
            ],
            "samples": [{**asdict(s), "at": iso(s.at)} for s in self.samples],
        }
