"""Metrics over the packs of a folder; what could not be read is said, not left out silently."""

from dataclasses import dataclass, field
from pathlib import Path

from hemostat.audit.account.account import Account
from hemostat.audit.account.reading import record_at
from hemostat.audit.replay.sources import incidents_under
from hemostat.audit.report.metrics import Metrics, metrics_of
from schemas.errors import HemostatError


@dataclass(frozen=True)
class ManyMetrics:
    """The metrics of each, and why there are none of some."""

    known: list[Metrics] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def metrics_under(folder: Path) -> ManyMetrics:
    """Return the metrics of every incident below *folder*, one record at a time."""
    many = ManyMetrics()
    for path in incidents_under(folder):
        try:
            many.known.append(metrics_of(Account(record_at(path))))
        except HemostatError as error:
            many.unread.append(f"{path.relative_to(folder)}: {error}")
    return many
