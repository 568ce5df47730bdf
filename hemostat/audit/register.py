"""Keeps the register: who appends knows every entry before, so nothing is entered twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hemostat.audit.sealing import Sealing
from hemostat.audit.store import Store, register_name
from schemas.audit.register import KIND, RegisterEntry, What
from schemas.audit.signing import Envelope, SigningKey, open_envelope, seal
from schemas.audit.strict import NotStrict
from schemas.base import iso
from schemas.errors import EvidenceCorrupt
from schemas.journal import GENESIS

Which = tuple[str, str]
"""An incident and its first run: an id can be used again once its incident is closed."""


class Register:
    """The register as far as it was read; calls block."""

    def __init__(
        self,
        store: Store,
        key: SigningKey | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._key, self._now = store, key, now
        self._next, self._head = 0, GENESIS
        self.opened: dict[Which, Envelope[RegisterEntry]] = {}
        self.closed: dict[Which, Envelope[RegisterEntry]] = {}

    def catch_up(self) -> None:
        """Read what was appended since."""
        while (stored := self._store.get(register_name(self._next))) is not None:
            try:
                self._take(open_envelope(KIND, stored, RegisterEntry))
            except NotStrict as error:
                raise EvidenceCorrupt(
                    f"register entry {self._next} cannot be read: {error}",
                    where="the audit store",
                    next_step="keep the store as it is and tell whoever guards it.",
                ) from None

    def open_ones(self) -> list[RegisterEntry]:
        """Return the openings without a close, oldest first: what is still to be sealed."""
        return [held.body for which, held in self.opened.items() if which not in self.closed]

    def enter_opened(
        self, incident: str, first_run: str, *, playbook: str, drill: bool, opened_at: datetime
    ) -> None:
        """Enter the opening of an incident, once."""
        said = {"playbook": playbook, "drill": drill, "opened_at": iso(opened_at)}
        self._enter(What.OPENED, (incident, first_run), said, self.opened)

    def enter_closed(self, sealing: Sealing) -> None:
        """Enter the close of an incident whose last checkpoint is written, once."""
        which, last = (sealing.incident, sealing.first_run), sealing.last
        opening = self.opened[which].body
        said = {
            "playbook": opening.playbook,
            "drill": opening.drill,
            "opened_at": opening.opened_at,
            "outcome": last.outcome if last else None,
            "checkpoints": sealing.count,
            "last_checkpoint": sealing.last_digest,
        }
        self._enter(What.CLOSED, which, said, self.closed)

    def _enter(
        self,
        what: What,
        which: Which,
        said: dict[str, Any],
        entered: dict[Which, Envelope[RegisterEntry]],
    ) -> None:
        if self._key is None:
            raise ValueError("a register that is only read")
        self.catch_up()
        while which not in entered:
            entry = RegisterEntry(
                seq=self._next,
                previous=self._head,
                at=iso(self._now()),
                kid=self._key.kid,
                what=what,
                incident=which[0],
                first_run=which[1],
                **said,
            )
            self._store.put(register_name(entry.seq), seal(KIND, entry, self._key))
            self.catch_up()  # ours, or that of whoever was faster

    def _take(self, held: Envelope[RegisterEntry]) -> None:
        entered = self.opened if held.body.what is What.OPENED else self.closed
        entered[held.body.incident, held.body.first_run] = held
        self._next, self._head = self._next + 1, held.digest
