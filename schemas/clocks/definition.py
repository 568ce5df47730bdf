"""What a clock of the catalogue says: its instrument, its anchor, its period, its addressee.

A definition travels whole into the incidents that it applies to, so that a later edition of the
catalogue changes no open incident. It is refused where its words mean nothing to the arithmetic.
"""

import re
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from schemas.base import Digest, Frozen, Name


class Unit(StrEnum):
    """What a period is counted in."""

    HOURS = "h"
    DAYS = "d"
    BUSINESS_DAYS = "bd"
    MONTHS = "mo"
    YEARS = "y"


class Period(Frozen):
    """So many units; none (0 h) says *immediately*."""

    n: int = Field(ge=0, le=10_000)
    unit: Unit


COUNTED_AS: Final = {
    "hours": Unit.HOURS,
    "cal_days": Unit.DAYS,
    "months_1182": Unit.MONTHS,
    "business_days(us-federal)": Unit.BUSINESS_DAYS,
}
"""The ways of counting that the arithmetic knows, and the unit of each."""

AWARENESS: Final = frozenset(
    {
        "aware",
        "aware_significant",
        "controller_aware",
        "deployer_identified",
        "discovered",
        "discovered_or_notified",
        "manufacturer_aware",
        "processor_aware",
        "provider_or_deployer_aware",
    }
)
"""Anchors that are someone's knowledge: an alert is a candidate, counsel selects."""

DECIDED: Final = frozenset(
    {
        "classified_major",
        "corrective_measure_available",
        "determined_incident_occurred",
        "determined_notification_incident",
        "determined_or_reasonable_belief",
        "high_risk_decision",
        "materiality_determined",
    }
)
"""Anchors that a person's decision or act makes: no alert and no discovery ever starts these."""

FILED: Final = "filed"
"""The anchor of a chained clock: when the clock before it was filed."""


class AnchorKind(StrEnum):
    """How an anchor is made of facts."""

    FACT = "fact"
    FILED = "filed"
    EARLIEST = "earliest"
    YEAR_END = "year-end"


class Anchor(Frozen):
    """From when a clock runs: one fact, a filing, the end of a fact's year, or the earliest due.

    ``hours`` belongs to EARLIEST: to each fact its own hours, as in ``min(classified+4h,
    aware+24h)``, which gives the due time itself.
    """

    kind: AnchorKind
    facts: tuple[str, ...]
    hours: tuple[int, ...] = ()
    clock: str | None = None
    latest: bool = False
    """Of FILED: the newest filing counts, not the first."""


_FACT: Final = r"[a-z][a-z_]*"
_FORMS: Final = (
    (AnchorKind.FILED, re.compile(r"filed\((?:latest )?([a-z0-9-]+)\)")),
    (AnchorKind.YEAR_END, re.compile(rf"end_of_calendar_year\(({_FACT})\)")),
    (AnchorKind.EARLIEST, re.compile(rf"min\(({_FACT})\+(\d+)h, ?({_FACT})\+(\d+)h\)")),
    (AnchorKind.FACT, re.compile(rf"({_FACT})")),
)


@cache
def parse_anchor(text: str) -> Anchor:
    """Return what *text* says; ``ValueError`` names what cannot be understood."""
    for kind, form in _FORMS:
        match = form.fullmatch(text)
        if match is None:
            continue
        if kind is AnchorKind.FILED:
            latest = "(latest " in text
            return Anchor(kind=kind, facts=(FILED,), clock=match[1], latest=latest)
        if kind is AnchorKind.EARLIEST:
            hours = (int(match[2]), int(match[4]))
            return Anchor(kind=kind, facts=_known(match[1], match[3]), hours=hours)
        return Anchor(kind=kind, facts=_known(match[1]))
    raise ValueError(f"no anchor: {text!r}")


def _known(*facts: str) -> tuple[str, ...]:
    for fact in facts:
        if fact not in AWARENESS | DECIDED:
            raise ValueError(f"no known fact: {fact!r}")
    return facts


class ClockDefinition(Frozen):
    """One entry of the catalogue, in its own words.

    ``computable``: C arithmetic once the anchor is recorded, D the anchor or applicability is a
    decision, N no numeric limit. ``verified``: how the wording was checked.
    """

    id: Name
    kind: Literal["clock", "hold"] = "clock"
    instrument: str
    trigger: str = ""
    anchor: str | None = None
    period: Period | Literal["per_row", "per_contract"] | None = None
    counting: str | None = None
    label: str = ""
    to: str | tuple[str, ...] = ()
    computable: Literal["C", "D", "N"] = "D"
    verified: Literal["quote", "second", "memory"]
    applies_from: date | None = None
    status: str | None = None
    same_as: Name | None = None
    excludes: tuple[Name, ...] = ()
    late_rule: str | None = None
    weekend_relief: str | None = None
    day_zero: str | None = None
    cutoff: str | None = None
    content: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    preserve: Period | None = None
    tolled_by: str | None = None
    cannot_meet: str | None = None
    also: str | None = None
    note: str | None = None
    initial_incomplete_ok: bool = False
    late_needs_reasons: bool = False
    rule: str | None = None
    blocks: tuple[str, ...] = ()
    released_by: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.anchor is not None:
            parse_anchor(self.anchor)
        if self.counting is not None:
            unit = COUNTED_AS.get(self.counting)
            if unit is None:
                raise ValueError(f"no known counting: {self.counting!r}")
            if isinstance(self.period, Period) and self.period.unit is not unit:
                raise ValueError(f"{self.counting} does not count {self.period.unit.value}")
        if (self.kind == "hold") != bool(self.blocks and self.released_by):
            raise ValueError("a hold, and nothing else, says what it blocks and what releases it")
        return self

    @property
    def starts_at(self) -> Anchor:
        """The anchor; where the catalogue names none, somebody's being aware."""
        return parse_anchor(self.anchor or "aware")

    @property
    def in_force(self) -> bool:
        """Whether the instrument is law as far as the catalogue found; if not, never computed."""
        return not (self.status or "").startswith("not-in-force")

    @property
    def immediate(self) -> bool:
        """Whether the law says *immediately* and gives no time."""
        return isinstance(self.period, Period) and self.period.n == 0

    @property
    def wants_calendar(self) -> bool:
        """Whether there is no due time without a calendar: working days, or where a year ends."""
        business = isinstance(self.period, Period) and self.period.unit is Unit.BUSINESS_DAYS
        return business or self.starts_at.kind is AnchorKind.YEAR_END

    @property
    def addressees(self) -> tuple[str, ...]:
        """Whom to notify."""
        return (self.to,) if isinstance(self.to, str) else self.to


class LegalBasis(Frozen):
    """The clocks of one incident, fixed at its start: the definitions and where they came from.

    ``catalogue`` is the digest of the whole catalogue file; ``time_zones`` belong to
    ``countries``, by which the working days of the European reading are counted.
    """

    version: int
    compiled_on: date
    catalogue: Digest
    regimes: tuple[Name, ...]
    countries: tuple[str, ...] = ()
    clocks: tuple[ClockDefinition, ...]

    def provenance(self) -> dict[str, JsonValue]:
        """What the journal says of it."""
        return {
            "version": self.version,
            "compiled_on": self.compiled_on.isoformat(),
            "catalogue": self.catalogue,
            "regimes": list(self.regimes),
            "countries": list(self.countries),
            "clocks": [clock.id for clock in self.clocks],
        }
