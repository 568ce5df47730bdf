"""The legal clocks as the journal tells them: each state, due time and determination in order."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hemostat.audit.account.record import at
from schemas.journal import Entry, Kind

UNDETERMINED: Final = (None, "scope-not-declared", "anchor-missing")
"""States in which nobody decided whether a clock applies, or from when."""
_FAR: Final = 9000
"""Years from this one on are none of an incident."""
_SAME_MOMENT: Final = timedelta(minutes=1)
"""People tell a time of filing to the minute."""


@dataclass
class ClockTold:
    """One clock."""

    id: str
    state: str | None = None
    says: str = ""
    due: str | None = None
    dues: list[str] = field(default_factory=list)
    """Every due time that it had, in order."""
    determinations: list[Entry] = field(default_factory=list)
    blocked: list[Entry] = field(default_factory=list)
    """Where it held something up that would have altered evidence."""
    sent: list[Entry] = field(default_factory=list)
    """Findings that a text was sent under it."""
    seqs: list[int] = field(default_factory=list)

    @property
    def decided_by(self) -> str | None:
        """The role that ruled last; None: nobody did."""
        return str(self.determinations[-1].data.get("role")) if self.determinations else None

    @property
    def awareness(self) -> Entry | None:
        """The determination of the moment from which it runs; None: nobody selected one."""
        said = (e for e in reversed(self.determinations) if e.data.get("what") == "awareness")
        return next(said, None)

    @property
    def filed(self) -> Entry | None:
        """The determination that it was filed."""
        return next(
            (e for e in reversed(self.determinations) if e.data.get("what") == "filed"), None
        )

    @property
    def released(self) -> bool:
        """Whether it ended because a hold was lifted: nothing was filed."""
        return self.filed is None and any(
            e.data.get("what") == "hold-released" for e in self.determinations
        )

    @property
    def settled(self) -> bool:
        """Whether nothing falls due under it: it was released, or does not apply."""
        return self.released or self.state == "not-applicable"

    @property
    def stands(self) -> str | None:
        """Its state; a hold that was lifted is released, not filed."""
        return "released" if self.released else self.state

    @property
    def filed_at(self) -> str | None:
        """When it was filed, as counsel said; else when that was said."""
        if self.filed is None:
            return None
        told = self.filed.data.get("value")
        return told if isinstance(told, str) and is_moment(told) else self.filed.at

    @property
    def sent_later(self) -> timedelta | None:
        """By how much the record's own sending comes after the filing that was told; None: it does not."""
        if self.filed_at is None or not self.sent:
            return None
        late = at(self.sent[0]) - datetime.fromisoformat(self.filed_at)
        return late if late > _SAME_MOMENT else None

    @property
    def sent_margin(self) -> timedelta | None:
        """How long before its due time the record shows it sent first; negative: after it."""
        if self.due is None or not self.sent:
            return None
        return datetime.fromisoformat(self.due) - at(self.sent[0])

    @property
    def margin_seconds(self) -> float | None:
        """How long before its due time it was filed; negative: after it."""
        if self.filed_at is None or self.due is None:
            return None
        due, filed = (datetime.fromisoformat(moment) for moment in (self.due, self.filed_at))
        return (due - filed).total_seconds()


@dataclass
class LegalTold:
    """All clocks, and the edition they are pinned to; ``pinned`` None: no regime was declared."""

    pinned: Entry | None = None
    clocks: dict[str, ClockTold] = field(default_factory=dict)
    candidates: list[Entry] = field(default_factory=list)
    """Further moments that may have been the awareness; the first alert always is one."""

    @property
    def decided(self) -> list[ClockTold]:
        """Those that counsel ruled on, or that have a state beyond undeclared."""
        return [c for c in self.clocks.values() if c.determinations or c.state]

    def met(self) -> tuple[int, int]:
        """How many were filed in time, and how many were filed or are overdue."""
        states = [clock.state for clock in self.clocks.values() if not clock.released]
        met, missed = states.count("filed"), states.count("overdue") + states.count("filed-late")
        return met, met + missed


def is_moment(told: object) -> bool:
    """Whether *told* is a moment with an offset; a journal can hold anything in its place."""
    try:
        read = datetime.fromisoformat(told) if isinstance(told, str) else None
        if read is None or read.tzinfo is None:
            return False
        return read.astimezone(UTC).year < _FAR
    except (ValueError, OverflowError):
        return False


def legal_of(entries: Iterable[Entry]) -> LegalTold:
    """Return what the journal tells of legal clocks."""
    told = LegalTold()
    for entry in entries:
        if entry.kind is not Kind.CLOCK:
            _take_beside(told, entry)
            continue
        if "candidate" in entry.data:
            told.candidates.append(entry)
        if "definitions" in entry.data and told.pinned is None:
            told.pinned = entry
            known: Any = entry.data.get("clocks", [])
            for pinned in (
                known if isinstance(known, list) else ()
            ):  # some may have been determined before the pinning was told
                told.clocks.setdefault(str(pinned), ClockTold(str(pinned)))
            continue
        name = str(entry.data.get("clock") or "")
        if not name:
            continue
        for clock in _addressed(told, name):
            _take(clock, entry)
    return told


def _take_beside(told: LegalTold, entry: Entry) -> None:
    """Take an entry of another kind that names clocks: a hold that blocks, or a text that was sent."""
    if entry.kind is Kind.GATE and isinstance(holds := entry.data.get("clocks"), dict):
        for name in map(str, holds):
            told.clocks.setdefault(name, ClockTold(name)).blocked.append(entry)
    elif entry.kind is Kind.FINDING and "sent_as" in entry.data:
        name = str(entry.data.get("clock"))
        told.clocks.setdefault(name, ClockTold(name)).sent.append(entry)


def _addressed(told: LegalTold, name: str) -> list[ClockTold]:
    """The clock of that id, or all of the regime of that name."""
    if name in told.clocks:
        return [told.clocks[name]]
    regime = [c for c in told.clocks.values() if c.id.startswith(f"{name}-")]
    return regime or [told.clocks.setdefault(name, ClockTold(name))]


def _take(clock: ClockTold, entry: Entry) -> None:
    clock.seqs.append(entry.seq)
    if "what" in entry.data and "role" in entry.data:
        clock.determinations.append(entry)
    if "state" in entry.data:
        clock.state, clock.says = str(entry.data["state"]), entry.says
        told: Any = entry.data.get("due")
        due = told if is_moment(told) else None
        if due and due != clock.due:
            clock.dues.append(due)
        clock.due = due or clock.due
