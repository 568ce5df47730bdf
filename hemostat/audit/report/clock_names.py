"""What a legal clock's id stands for, in the words of the catalogue: rule, time, and to whom."""

from collections.abc import Mapping
from typing import Final

from schemas.clocks.catalogue import catalogue
from schemas.clocks.definition import ClockDefinition, Period, Unit

_ARTICLE: Final = "Art "
_UNITS: Final = {
    Unit.HOURS: "hours",
    Unit.DAYS: "calendar days",
    Unit.BUSINESS_DAYS: "business days",
    Unit.MONTHS: "months",
    Unit.YEARS: "years",
}


def names_of(edition: object) -> Mapping[str, str]:
    """Return, by a clock's id, what it is; empty where this version carries another *edition*."""
    ours = catalogue()
    return {clock.id: _name(clock) for clock in ours.clocks} if ours.digest == edition else {}


def _name(clock: ClockDefinition) -> str:
    to = (clock.to,) if isinstance(clock.to, str) else clock.to
    parts = [
        _rule(clock),
        _leaves(clock),
        f"to {' and '.join(to).replace('_', ' ')}" if any(to) else "",
    ]
    return ", ".join(part for part in parts if part)


def _rule(clock: ClockDefinition) -> str:
    """The article with its instrument, which the catalogue names at the first of a family alone."""
    if not clock.instrument.startswith(_ARTICLE):
        return clock.instrument
    family = clock.id.partition("-")[0]
    first = next(c for c in catalogue().clocks if c.id.partition("-")[0] == family)
    instrument, found, _ = first.instrument.partition(f" {_ARTICLE}")
    return f"{instrument} {clock.instrument}" if found else clock.instrument


def _leaves(clock: ClockDefinition) -> str:
    if clock.kind == "hold":
        return "a hold without a deadline"
    if isinstance(clock.period, Period) and clock.period.n:
        units = _UNITS[clock.period.unit]
        return f"within {clock.period.n} {units if clock.period.n > 1 else units.removesuffix('s')}"
    return clock.label
