"""One file a source kind: it turns a verified delivery into alerts, purely.

A module here *is* a source kind; its name is the ``kind`` of ``[sources.NAME]``. It offers
``normalise(delivery) -> Normalised`` and raises ``BrokenBody`` for what it cannot understand.
Unknown keys are allowed, all text is untrusted and cut to size (``clip``).
"""

import importlib
import pkgutil
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast

from schemas.alert import Alert, AlertSeverity, Authenticity, RawRef
from schemas.errors import BadInput, ConfigurationError

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


@dataclass(frozen=True)
class Normalised:
    """What a delivery says; ``delivery_key`` is the same for the same POST sent again."""

    delivery_key: str
    alerts: tuple[Alert, ...]


class SourceKind(Protocol):
    """What a module of this package offers."""

    def normalise(self, delivery: Delivery) -> Normalised:
        """Return the alerts of *delivery*, or raise ``BrokenBody``."""


def kinds() -> tuple[str, ...]:
    """The kinds of sources there are: the files of this package."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def source_kind(kind: str, where: str) -> SourceKind:
    """Return the module of *kind*; *where* is the place that asks for it."""
    if kind not in kinds():
        raise ConfigurationError(
            f"there is no kind of source {kind!r}",
            where=where,
            next_step=f"use one of: {', '.join(kinds())}.",
        )
    return cast("SourceKind", importlib.import_module(f"{__name__}.{kind}"))


def severity_of(raw: str | None, default: AlertSeverity) -> AlertSeverity:
    """Map a sender's word for severity; what we do not know is *default*, never silently low."""
    return _SEVERITIES.get((raw or "").strip().lower(), default)


def clip(text: str, limit: int) -> tuple[str, bool]:
    """Return at most *limit* characters of *text*, and whether any were cut."""
    return text[:limit], len(text) > limit
