"""One POST whose sender was verified, and what it says: what every kind of source reads and makes.

Unknown keys are allowed, all text is untrusted and cut to size (``clip``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.alert import Alert, AlertSeverity, Authenticity, RawRef
from schemas.errors import BadInput

_SEVERITIES: Final[dict[str, AlertSeverity]] = {
    word: severity
    for severity, words in {
        AlertSeverity.CRITICAL: "critical p1 1 page fatal",
        AlertSeverity.HIGH: "error high major p2 2",
        AlertSeverity.MEDIUM: "warning warn medium moderate p3 3",
        AlertSeverity.LOW: "low minor p4 4",
        AlertSeverity.INFO: "info informational p5 5 none",
    }.items()
    for word in words.split()
}
"""What senders call a severity; ``page`` and numbers as Alertmanager's users mean them."""


class BrokenBody(BadInput):
    """The body is not what this source sends; says where and what, never shows what it held."""


@dataclass(frozen=True)
class Delivery:
    """One POST whose sender was verified."""

    source: str
    kind: str
    body: bytes
    received_at: datetime
    default_severity: AlertSeverity
    auth: Authenticity
    raw: RawRef
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that say something of the content: CloudEvents' ``ce-*``."""


@dataclass(frozen=True)
class Normalised:
    """What a delivery says; ``delivery_key`` is the same for the same POST sent again."""

    delivery_key: str
    alerts: tuple[Alert, ...]


def severity_of(raw: str | None, default: AlertSeverity) -> AlertSeverity:
    """Map a sender's word for severity; what we do not know is *default*, never silently low."""
    return _SEVERITIES.get((raw or "").strip().lower(), default)


def clip(text: str, limit: int) -> tuple[str, bool]:
    """Return at most *limit* characters of *text*, and whether any were cut."""
    return text[:limit], len(text) > limit
