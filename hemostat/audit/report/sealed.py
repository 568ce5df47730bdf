"""Metrics over every sealed incident, read from the write-once store; each one is read once.

Law: what nobody may know of is in no figure. A restricted incident is left out, and so is one of a
service that is restricted now.
"""

from collections.abc import Collection

from hemostat.audit.account.account import Account
from hemostat.audit.account.harm import harm_in_history
from hemostat.audit.account.record import Record
from hemostat.audit.pack.restricted import visibility_of
from hemostat.audit.register import Register, Which
from hemostat.audit.report.metrics import Metrics, metrics_of
from hemostat.audit.sealing import read_checkpoints, unframed
from hemostat.audit.store import Store, get_object, place_of
from schemas.errors import HemostatError
from schemas.journal import Entry


class SealedMetrics:
    """The metrics of the closed incidents that a store has; calls block."""

    def __init__(self, store: Store, restricted: Collection[str] = ()) -> None:
        self._store, self._restricted = store, frozenset(restricted)
        self._register = Register(store)
        self._read: dict[Which, Metrics | None] = {}
        self.unread = 0
        """Incidents whose record has no journal or cannot be read."""

    def catch_up(self) -> None:
        """Read what was closed since; raises ``HemostatError`` when the register cannot be read."""
        self._register.catch_up()
        for which in [which for which in self._register.closed if which not in self._read]:
            try:
                self._read[which] = self._metrics(which)
            except (HemostatError, ValueError):
                self._read[which] = None
                self.unread += 1

    @property
    def known(self) -> list[Metrics]:
        """The metrics of each that was read by now."""
        return [metrics for metrics in list(self._read.values()) if metrics is not None]

    def _metrics(self, which: Which) -> Metrics | None:
        bodies = [held.body for held in read_checkpoints(self._store, place_of(*which))]
        segments = [body.segment.digest for body in bodies if body.segment]
        events = [e for digest in segments for e in unframed(get_object(self._store, digest))]
        seen = visibility_of(events)
        if seen.restricted or seen.service in self._restricted:
            return None
        journal = get_object(self._store, bodies[-1].sealed["journal.jsonl"])
        entries = [Entry.model_validate_json(line) for line in journal.splitlines()]
        return metrics_of(
            Account(Record(source="store", entries=entries, harm=harm_in_history(events)))
        )
