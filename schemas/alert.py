"""One alert model for every source; severities and states carry OCSF names.

Everything a source writes is untrusted text: it is shown escaped, never executed, never fetched.
Source of the shape: OCSF Detection Finding (class 2004) and CloudEvents ids.
"""

import hashlib
from enum import StrEnum

from pydantic import Field, JsonValue

from schemas.base import Digest, Frozen, Utc


class AlertAction(StrEnum):
    """What the delivery says about the alert (OCSF activity 1, 2, 3)."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class AlertSeverity(StrEnum):
    """OCSF severity, by name."""

    UNKNOWN = "unknown"
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    FATAL = "fatal"


class RawRef(Frozen):
    """Where the untouched bytes of the delivery are."""

    digest: Digest
    size: int
    media_type: str


class Authenticity(Frozen):
    """How the delivery was shown to be the source's."""

    scheme: str
    key_id: str


class Alert(Frozen):
    """One alert of one delivery, normalised.

    ``delivery_key`` names the POST (same POST twice, same key), ``alert_key`` the alert over its
    whole life, ``episode_key`` one occurrence of it (alert and start).
    """

    schema_version: int = 1
    source: str
    source_type: str
    delivery_key: str
    alert_key: str
    episode_key: str
    group_key: str | None = None
    action: AlertAction
    severity: AlertSeverity
    severity_raw: str | None = None
    title: str = Field(max_length=1024)
    description: str = Field(default="", max_length=16_384)
    kind: str = ""
    started_at: Utc | None = None
    ended_at: Utc | None = None
    received_at: Utc
    labels: dict[str, str] = {}
    evidence: dict[str, float] = {}
    links: tuple[str, ...] = ()
    is_test: bool = False
    truncated: bool = False
    auth: Authenticity
    raw: RawRef


GAPS = "gaps"
"""In ``extra``: what the gateway could not seal of these alerts, each as an ``evidence.Gap``."""


class AlertBatch(Frozen):
    """What one ``alert`` signal carries, and declarations of the gateway beside it."""

    alerts: tuple[Alert, ...]
    extra: dict[str, JsonValue] = {}


def episode_mark(episode_key: str) -> str:
    """Return the short SHA-256 of an episode key: safe to publish, equal for equal keys."""
    return hashlib.sha256(episode_key.encode()).hexdigest()[:32]
