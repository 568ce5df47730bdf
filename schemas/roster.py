"""The roster: who holds which role, who stands in, who delegated what, as an incident carries it.

Opaque ids only; no name, no address. Fixed in the incident at its start: a later change of
``hemostat.toml`` changes nothing in an incident that is open.
"""

from datetime import datetime, timedelta
from typing import Self

from pydantic import Field, field_validator, model_validator

from schemas.base import Frozen, Name, Utc
from schemas.severity import Severity
from schemas.step import StepClass

BREAK_GLASS = "break-glass"
"""The role in which a person decides alone after breaking the glass."""

GLASS_AT_MOST = timedelta(minutes=60)


class Span(Frozen):
    """From *since* until just before *until*."""

    since: Utc
    until: Utc

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until <= self.since:
            raise ValueError("`until` is not after `since`")
        return self

    def covers(self, now: datetime) -> bool:
        """Whether *now* lies within."""
        return self.since <= now < self.until


class Person(Frozen):
    """One person: when out of office, and when on call (no window: always)."""

    away: tuple[Span, ...] = ()
    on_call: tuple[Span, ...] = ()

    def available(self, now: datetime) -> bool:
        """Whether this person can be reckoned with at *now*."""
        if any(span.covers(now) for span in self.away):
            return False
        return not self.on_call or any(span.covers(now) for span in self.on_call)


class Role(Frozen):
    """Who holds a role, in the order of calling; who stands in; which roles come after it."""

    primary: tuple[Name, ...] = Field(min_length=1)
    deputies: tuple[Name, ...] = ()
    ladder: tuple[Name, ...] = ()

    @field_validator("primary", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Delegation(Frozen):
    """*of* lets *to* decide in *roles*, dated; empty *classes* or *severities* mean all.

    Only who holds a role can delegate it; what was delegated cannot be passed on.
    """

    of: Name
    to: Name
    roles: tuple[Name, ...] = Field(min_length=1)
    classes: tuple[StepClass, ...] = ()
    severities: tuple[Severity, ...] = ()
    since: Utc
    until: Utc

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.until <= self.since:
            raise ValueError("`until` is not after `since`")
        if self.of == self.to:
            raise ValueError("nobody delegates to themselves")
        return self

    def covers(
        self, role: str, step_class: StepClass | None, severity: Severity, now: datetime
    ) -> bool:
        """Whether it holds for a gate of this class at this severity now."""
        return (
            role in self.roles
            and (not self.classes or step_class in self.classes)
            and (not self.severities or severity in self.severities)
            and self.since <= now < self.until
        )


class BreakGlass(Frozen):
    """Who may proceed alone at a gate, and for how long after breaking the glass."""

    people: tuple[Name, ...] = ()
    ttl: timedelta = Field(default=timedelta(minutes=30), gt=timedelta(0), le=GLASS_AT_MOST)


class Roster(Frozen):
    """All people of an incident; ``conflicts`` have an interest in the service."""

    people: dict[Name, Person]
    roles: dict[Name, Role]
    delegations: tuple[Delegation, ...] = ()
    conflicts: tuple[Name, ...] = ()
    break_glass: BreakGlass = BreakGlass()

    def available(self, person: str, now: datetime) -> bool:
        """Whether *person* is known and can be reckoned with at *now*."""
        known = self.people.get(person)
        return known is not None and known.available(now)

    def with_delegates(self, people: frozenset[str]) -> frozenset[str]:
        """Return *people* and everyone to whom they ever delegated anything."""
        return people | {d.to for d in self.delegations if d.of in people}

    def next_change(self, after: datetime) -> datetime | None:
        """When somebody next comes or goes by the calendar; None: never again."""
        spans = [s for p in self.people.values() for s in (*p.away, *p.on_call)]
        moments = [m for s in spans for m in (s.since, s.until)]
        moments += [m for d in self.delegations for m in (d.since, d.until)]
        return min((moment for moment in moments if moment > after), default=None)
