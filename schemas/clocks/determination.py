"""What counsel determines, and what it does to the ledger; nothing here is ever automatic.

Whether a regime applies, who was aware when, whether a clock is tolled, whether something was
filed: each is a person's, in a legal role, with a reason. A determination that changes nothing
says why. Pure; time comes in as an argument.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pydantic import Field

from schemas.base import Frozen, Name
from schemas.clocks.definition import Period, Unit
from schemas.clocks.ledger import (
    Candidate,
    Clock,
    DueChange,
    Filing,
    Ledger,
    Ruling,
    Said,
    Selection,
    Tolling,
)
from schemas.clocks.states import starts_by_awareness, starts_by_decision

LEGAL_ROLES: Final = frozenset(
    {"counsel", "deputy-counsel", "external-counsel", "general-counsel", "legal", "legal-counsel"}
)
"""Who may determine. The data protection officer, for the GDPR's clocks, is ``DPO``."""

DPO: Final = "dpo"


class Matter(StrEnum):
    """What is determined, and the values it takes."""

    APPLICABILITY = "applicability"
    """``applies`` or ``not-applicable``."""
    CANDIDATE = "candidate"
    """A moment (ISO 8601 with offset) at which somebody may have been aware."""
    AWARENESS = "awareness"
    """The moment from which the clock runs: a candidate or another one."""
    ANCHOR = "anchor"
    """The moment of the decision that starts the clock (materiality, classification ...)."""
    FILED = "filed"
    """The moment of filing; ``reference`` is the receipt."""
    TOLLED = "tolled"
    """``tolled`` or ``resumed``."""
    HOLD_RELEASED = "hold-released"
    """``authority-informed`` or ``counsel-not-applicable``."""
    PERIOD = "period"
    """The period of a clock whose period is per contract or state: ``30 d``, ``72 h``."""


class Determination(Frozen):
    """What the ``determine`` signal carries; ``clock`` is a clock's id or a regime.

    ``statement`` is the place of the signed statement that proves who spoke.
    """

    determination_id: str = Field(min_length=1, max_length=128)
    clock: Name
    what: Matter
    value: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=4000)
    actor: str = Field(min_length=1, max_length=200)
    role: Name
    reference: str = Field(default="", max_length=500)
    statement: str | None = None


class NoEffect(StrEnum):
    """Why a determination changed nothing."""

    MALFORMED = "malformed"
    DUPLICATE = "duplicate"
    NOT_THE_ROLE = "not-the-role"
    NO_SUCH_CLOCK = "no-such-clock"
    NOT_IN_FORCE = "not-in-force"
    NO_SUCH_VALUE = "no-such-value"
    NO_MOMENT = "no-moment"
    """Not an ISO 8601 moment with an offset, or one that has not come yet."""
    NO_RECEIPT = "no-receipt"
    NOT_OF_THIS_CLOCK = "not-of-this-clock"
    """Nothing of the kind starts, tolls or releases it: discovery never starts a decided clock."""
    SAME_AS_BEFORE = "same-as-before"


class Ineffective(Exception):
    """Raised within this module to leave at the first reason."""

    def __init__(self, why: NoEffect) -> None:
        self.why = why
        super().__init__(why.value)


def determine(
    ledger: Ledger, given: Determination, now: datetime
) -> tuple[Ledger, NoEffect | None]:
    """Apply *given*; return the next ledger and, if it changed nothing, why."""
    try:
        return _determine(ledger, given, now), None
    except Ineffective as error:
        return ledger, error.why


def _determine(ledger: Ledger, given: Determination, now: datetime) -> Ledger:
    addressed = ledger.addressed(given.clock)
    if not addressed:
        raise Ineffective(NoEffect.NO_SUCH_CLOCK)
    if not _may(given.role, addressed):
        raise Ineffective(NoEffect.NOT_THE_ROLE)
    said = Said(
        actor=given.actor,
        role=given.role,
        reason=given.reason,
        at=now,
        determination=given.determination_id,
    )
    changed = tuple(_CHANGES[given.what](ledger, addressed, given, said))
    if not changed:
        raise Ineffective(NoEffect.NOT_OF_THIS_CLOCK)
    if all(ledger.clocks[clock.id] == clock for clock in changed):
        raise Ineffective(NoEffect.SAME_AS_BEFORE)
    return _remembering_what_was_replaced(ledger, ledger.replace(*changed), said)


def _may(role: str, clocks: tuple[Clock, ...]) -> bool:
    personal = all(clock.id.startswith(("gdpr-", "uk-gdpr-")) for clock in clocks)
    return role in LEGAL_ROLES or (role == DPO and personal)


def _one_of(given: Determination, *values: str) -> str:
    if given.value not in values:
        raise Ineffective(NoEffect.NO_SUCH_VALUE)
    return given.value


def moment_in(text: str, now: datetime) -> datetime:
    """Return the past moment that *text* names; one without an offset is none."""
    try:
        moment = datetime.fromisoformat(text)
        at = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Ineffective(NoEffect.NO_MOMENT) from None
    if moment.tzinfo is None or at > now or at.year < 2000:
        raise Ineffective(NoEffect.NO_MOMENT)
    return at


Clocks = tuple[Clock, ...]


def _applicability(_: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    applies = _one_of(given, "applies", "not-applicable") == "applies"
    lawful = [clock for clock in clocks if clock.definition.in_force]
    if not lawful:
        raise Ineffective(NoEffect.NOT_IN_FORCE)
    for clock in lawful:
        yield clock.changed(rulings=(*clock.rulings, Ruling(applies=applies, said=said)))


def _candidate(_: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    at = moment_in(given.value, said.at)
    for clock in clocks:
        if starts_by_awareness(clock):
            yield with_candidate(clock, at, given.reason, given.reference)


def with_candidate(clock: Clock, at: datetime, basis: str, source_ref: str) -> Clock:
    """Return *clock* with one more candidate, unless it is there already."""
    new = Candidate(at=at, basis=basis, source_ref=source_ref)
    if any(known.at == new.at for known in clock.candidates):
        return clock
    return clock.changed(candidates=(*clock.candidates, new))


def _awareness(ledger: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    at = moment_in(given.value, said.at)
    names = dict.fromkeys(name for clock in clocks for name in ledger.same_duty(clock))
    for clock in (ledger.clocks[name] for name in names):
        fact = starts_by_awareness(clock)
        if fact:
            among = with_candidate(clock, at, given.reason, given.reference)
            selection = Selection(fact=fact, at=at, said=said)
            yield among.changed(selections=(*clock.selections, selection))


def _anchor(_: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    at = moment_in(given.value, said.at)
    for clock in clocks:
        fact = starts_by_decision(clock)
        if fact:
            selection = Selection(fact=fact, at=at, said=said)
            yield clock.changed(selections=(*clock.selections, selection))


def _filed(_: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    at = moment_in(given.value, said.at)
    if len(clocks) > 1:
        raise Ineffective(NoEffect.NO_SUCH_CLOCK)  # each filing is of one clock
    if not given.reference.strip():
        raise Ineffective(NoEffect.NO_RECEIPT)
    (clock,) = clocks
    if clock.applies and clock.definition.kind == "clock":
        filing = Filing(at=at, receipt=given.reference, said=said)
        yield clock.changed(filings=(*clock.filings, filing))


def _tolled(_: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    stops = _one_of(given, "tolled", "resumed") == "tolled"
    for clock in clocks:
        if clock.definition.kind == "hold":
            continue
        if stops and not clock.stands_still:
            pause = Tolling(since=said.at, said=said)
            yield clock.changed(tollings=(*clock.tollings, pause))
        elif not stops and clock.stands_still:
            over = clock.tollings[-1].model_copy(update={"until": said.at})
            yield clock.changed(tollings=(*clock.tollings[:-1], over))


def _hold_released(_: Ledger, clocks: Clocks, given: Determination, said: Said) -> Iterator[Clock]:
    for hold in clocks:
        if hold.definition.kind == "hold":
            _one_of(given, *(way.replace("_", "-") for way in hold.definition.released_by))
            yield hold if hold.released else hold.changed(released=said)


def _period(_: Ledger, clocks: Clocks, given: Determination, __: Said) -> Iterator[Clock]:
    match = re.fullmatch(r"(\d{1,3}) ?(h|d|mo)", given.value)
    if match is None:
        raise Ineffective(NoEffect.NO_SUCH_VALUE)
    period = Period(n=int(match[1]), unit=Unit(match[2]))
    for clock in clocks:
        if isinstance(clock.definition.period, str) or clock.definition.id in PER_CASE:
            definition = clock.definition.model_copy(update={"period": period, "counting": None})
            yield clock.changed(definition=definition, computed_for=None)


PER_CASE: Final = frozenset({"contract", "us-state-generic"})
"""Clocks whose period counsel gives, also when they give it anew."""

_CHANGES: Final[dict[Matter, Callable[[Ledger, Clocks, Determination, Said], Iterator[Clock]]]] = {
    Matter.APPLICABILITY: _applicability,
    Matter.CANDIDATE: _candidate,
    Matter.AWARENESS: _awareness,
    Matter.ANCHOR: _anchor,
    Matter.FILED: _filed,
    Matter.TOLLED: _tolled,
    Matter.HOLD_RELEASED: _hold_released,
    Matter.PERIOD: _period,
}


def _remembering_what_was_replaced(before: Ledger, after: Ledger, said: Said) -> Ledger:
    """Note in a clock that replaces another one when that was due: a deadline may move earlier."""
    for old in before.clocks.values():
        clock = after.clocks[old.id]
        heir = after.superseded_by(clock) if clock.applies else None
        known = before.superseded_by(old) if old.applies else None
        if heir is None or (known is not None and known.id == heir.id):
            continue
        if clock.due_at is None:
            continue
        was = DueChange(
            value=clock.due_at,
            rule_version=after.edition or "",
            reason=f"{clock.id}, until it was replaced: {said.reason}",
            computed_at=said.at,
        )
        now = was.model_copy(update={"value": heir.due_at, "reason": said.reason})
        history = (*heir.due_at_history, was, *((now,) if heir.due_at else ()))
        after = after.replace(heir.changed(due_at_history=history))
    return after
