"""The ledger: for each clock who ruled, what is known of its start, when it is due, what was filed.

Frozen, and only ever added to: a selection replaces none, a due time that moves keeps the ones
before it. What state a clock is in follows from it (``states``), it is never stored.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Self

from schemas.base import Digest, Frozen, Name, Utc
from schemas.clocks.arithmetic import Due, resolved, start_of, strict_due
from schemas.clocks.definition import (
    AWARENESS,
    FILED,
    AnchorKind,
    ClockDefinition,
    LegalBasis,
    Period,
)


class Said(Frozen):
    """Who determined something, in which role, when and why."""

    actor: str
    role: str
    reason: str
    at: Utc
    determination: str


class Ruling(Frozen):
    """Whether a clock applies."""

    applies: bool
    said: Said


class Candidate(Frozen):
    """A moment at which somebody may have been aware; a set of them, never one number."""

    at: Utc
    basis: str
    source_ref: str = ""


class Selection(Frozen):
    """A moment that a person chose or decided as the start, with its reason."""

    fact: str
    at: Utc
    said: Said


class Filing(Frozen):
    """That the notification was made, and the receipt for it."""

    at: Utc
    receipt: str
    said: Said


class Tolling(Frozen):
    """That a clock stands still, until it is resumed."""

    since: Utc
    until: Utc | None = None
    said: Said


class DueChange(Frozen):
    """One due time that a clock had."""

    value: Utc | None
    rule_version: str
    reason: str
    computed_at: Utc


class Clock(Frozen):
    """One clock of one incident; ``computed_for`` are the facts that ``due`` was computed from."""

    definition: ClockDefinition
    rulings: tuple[Ruling, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    selections: tuple[Selection, ...] = ()
    filings: tuple[Filing, ...] = ()
    tollings: tuple[Tolling, ...] = ()
    released: Said | None = None
    due: Due | None = None
    computed_for: dict[str, Utc] | None = None
    due_at_history: tuple[DueChange, ...] = ()
    fired: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The definition's id."""
        return self.definition.id

    @property
    def ruling(self) -> Ruling | None:
        """The ruling that stands: the last."""
        return self.rulings[-1] if self.rulings else None

    @property
    def applies(self) -> bool:
        """Whether counsel ruled that it applies."""
        return self.ruling is not None and self.ruling.applies

    def selected(self, fact: str) -> Selection | None:
        """The moment that was last selected for *fact*."""
        return next((s for s in reversed(self.selections) if s.fact == fact), None)

    @property
    def stands_still(self) -> bool:
        """Whether it is tolled now."""
        return bool(self.tollings) and self.tollings[-1].until is None

    @property
    def due_at(self) -> datetime | None:
        """The strict due time, later by the time that the clock was tolled."""
        if self.due is None or self.due.strict is None:
            return None
        pauses = [t.until - t.since for t in self.tollings if t.until]
        return self.due.strict + sum(pauses, timedelta())

    def changed(self, **changes: object) -> Self:
        """Return this clock with *changes*."""
        return self.model_copy(update=changes)


class Ledger(Frozen):
    """All clocks of one incident, by id, in the catalogue's order."""

    clocks: dict[Name, Clock] = {}
    edition: Digest | None = None

    @classmethod
    def of(cls, basis: LegalBasis | None) -> Self:
        """An empty ledger for what an incident is pinned to."""
        if basis is None:
            return cls()
        known = {definition.id: definition for definition in basis.clocks}
        clocks = {name: Clock(definition=resolved(d, known)) for name, d in known.items()}
        return cls(clocks=clocks, edition=basis.catalogue)

    def addressed(self, name: str) -> tuple[Clock, ...]:
        """The clock of that id, or all clocks of the regime of that name."""
        if name in self.clocks:
            return (self.clocks[name],)
        return tuple(c for c in self.clocks.values() if c.id.startswith(f"{name}-"))

    def replace(self, *changed: Clock) -> Self:
        """Return the ledger with these clocks in the place of the ones of their ids."""
        clocks = {**self.clocks, **{clock.id: clock for clock in changed}}
        return self.model_copy(update={"clocks": clocks})

    def facts(self, clock: Clock) -> dict[str, datetime]:
        """What is known of the clock's start: selected, else the earliest candidate."""
        anchor = clock.definition.starts_at
        if anchor.kind is AnchorKind.FILED:
            before = self.clocks.get(anchor.clock or "")
            filed = [filing.at for filing in before.filings] if before else []
            return {FILED: filed[-1 if anchor.latest else 0]} if filed else {}
        facts: dict[str, datetime] = {}
        for fact in anchor.facts:
            selection = clock.selected(fact)
            if selection is not None:
                facts[fact] = selection.at
            elif fact in AWARENESS and clock.candidates:
                facts[fact] = min(candidate.at for candidate in clock.candidates)
        return facts

    def start(self, clock: Clock) -> datetime | None:
        """From when the clock runs, as far as is known."""
        return start_of(clock.definition, self.facts(clock))

    def superseded_by(self, clock: Clock) -> Clock | None:
        """The shorter clock of the same duty that applies and replaces this one."""
        rivals = [self.clocks[name] for name in self.same_duty(clock) if name != clock.id]
        shorter = [r for r in rivals if r.applies and _length(r) < _length(clock)]
        return min(shorter, key=_length, default=None)

    def same_duty(self, clock: Clock) -> tuple[str, ...]:
        """The clocks of which only the shortest counts, this one included."""
        duty = [clock.id]
        for other in self.clocks.values():
            group = (other.id, *other.definition.excludes)
            if len(group) > 1 and clock.id in group:
                duty += [name for name in group if name in self.clocks]
        return tuple(dict.fromkeys(duty))

    def to_compute(self) -> tuple[Clock, ...]:
        """The clocks whose facts are not those that their due time was computed from."""
        clocks = [c for c in self.clocks.values() if c.definition.kind == "clock"]
        return tuple(c for c in clocks if self.facts(c) != (c.computed_for or {}))

    def with_due(self, clock: Clock, due: Due, because: str, now: datetime) -> Self:
        """Return the ledger with *due* for the facts of now; what was due before is kept."""
        history = clock.due_at_history
        if due.strict != (history[-1].value if history else None):
            change = DueChange(
                value=due.strict,
                rule_version=self.edition or "",
                reason=because,
                computed_at=now,
            )
            history = (*history, change)
        computed = {"due": due, "computed_for": self.facts(clock), "due_at_history": history}
        return self.replace(clock.changed(**computed))

    def provisional(self, clock: Clock) -> Due:
        """The due time that needs no calendar."""
        return Due(strict=strict_due(clock.definition, self.facts(clock)))


def blocked_by(holds: Mapping[str, Clock], act: str) -> tuple[str, ...]:
    """The standing holds that block *act*, a port's name.

    A hold blocks a kind of act (``retrain``): every port whose name begins with the kind's words.
    """
    return tuple(
        hold.id
        for hold in holds.values()
        if any(act == kind or act.startswith(f"{kind}_") for kind in hold.definition.blocks)
    )


def _length(clock: Clock) -> timedelta:
    period = clock.definition.period
    if not isinstance(period, Period):
        return timedelta.max
    return timedelta(
        hours=period.n * {"h": 1, "d": 24, "bd": 24, "mo": 720, "y": 8760}[period.unit]
    )
