"""The probe set: fixed benign texts with the answer that each deserves, pinned by digest.

Law: a set whose bytes have another digest than the configured one is not used, so nobody moves the
goalposts. One JSON object a line: ``{"text": ..., "label": "positive" | "negative"}``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ValidationError

from activities.parts.http import MEBIBYTE
from schemas.base import Digest
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError

NEGATIVE: Final = "negative"
_LARGEST: Final = 16 * MEBIBYTE


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
        path = Path(file.removeprefix("file:"))
        try:
            if path.stat().st_size > _LARGEST:
                raise _unusable("is too large")
            content = path.read_bytes()
        except OSError as error:
            raise _unusable(f"cannot be read ({type(error).__name__})") from error
        if digest_bytes(content) != digest:
            raise _unusable("does not have the digest that it is pinned to")
        try:
            lines = content.decode().splitlines()
            probes = tuple(Probe.model_validate_json(line) for line in lines if line.strip())
        except (UnicodeDecodeError, ValidationError) as error:
            raise _unusable("has a line that is no text with its label") from error
        if not probes:
            raise _unusable("is empty")
        return cls(probes)

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


def _unusable(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"the probe set {what}",
        where="probe set",
        next_step="Restore the file, or pin the new digest on purpose.",
    )
