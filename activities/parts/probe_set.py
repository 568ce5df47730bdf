"""The probe set: fixed benign texts with the answer that each deserves, pinned by digest.

One JSON object a line: ``{"text": ..., "label": "positive" | "negative"}``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from pydantic import BaseModel, ValidationError

from activities.parts.pinned_file import pinned_lines, unusable
from schemas.base import Digest

NEGATIVE: Final = "negative"
_WHAT: Final = "probe set"


class Probe(BaseModel):
    """One text and what it deserves."""

    text: str
    label: Literal["positive", "negative"]


@dataclass(frozen=True)
class ProbeSet:
    """The texts in their order."""

    probes: tuple[Probe, ...]

    @classmethod
    def load(cls, file: str, digest: Digest) -> Self:
        """Read ``file:PATH``. ``ConfigurationError``: unreadable, empty, or not of *digest*."""
        try:
            return cls(
                tuple(Probe.model_validate_json(line) for line in pinned_lines(_WHAT, file, digest))
            )
        except ValidationError as error:
            raise unusable(_WHAT, "has a line that is no text with its label") from error

    @property
    def texts(self) -> list[str]:
        """The texts."""
        return [probe.text for probe in self.probes]

    def accuracy(self, labels: Sequence[str]) -> float:
        """Return the share of *labels*, in the order of the texts, that is as deserved."""
        right = sum(label == probe.label for label, probe in zip(labels, self.probes, strict=True))
        return right / len(self.probes)


def negative_share(labels: Sequence[str]) -> float:
    """Return the share of negative answers, 0 for none at all."""
    return sum(label == NEGATIVE for label in labels) / len(labels) if labels else 0.0
