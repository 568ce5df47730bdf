"""Strict arithmetic: when a clock is due in elapsed UTC time. Pure, and without any calendar.

``n`` days are ``n * 24`` hours, a month is the same moment of the next month's same date. What a
calendar may make of it (working days, time zones) is in ``readings``; it never makes strict later.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from schemas.base import Frozen, Utc
from schemas.clocks.definition import AnchorKind, ClockDefinition, Period, Unit

Facts = Mapping[str, datetime]
"""Moments by the name of the fact they belong to; never naive."""


class Due(Frozen):
    """When a clock is due, in each reading.

    ``strict`` rules alerts and the ledger. ``day`` is the last day of a period of days in the
    instrument's own time zone (none for European ones: ``legal`` says it, by country, in the
    reading of Reg. 1182/71). ``legal`` and
    ``relief`` (DORA Art. 5(4)) are shown beside it, for counsel to judge. ``versions`` names the
    calendars that took part.
    """

    strict: Utc | None
    day: date | None = None
    legal: dict[str, Utc] = {}
    relief: dict[str, Utc] = {}
    versions: dict[str, str] = {}


def resolved(definition: ClockDefinition, known: Mapping[str, ClockDefinition]) -> ClockDefinition:
    """Return *definition* with the terms of the clock that it is the same as."""
    while definition.same_as:
        model = known[definition.same_as]
        same = {"anchor": model.anchor, "period": model.period, "counting": model.counting}
        definition = definition.model_copy(update={**same, "same_as": model.same_as})
    return definition


def start_of(definition: ClockDefinition, facts: Facts) -> datetime | None:
    """From when the clock runs in UTC, as far as *facts* tell; of several the earliest."""
    moments = [in_utc(facts[fact]) for fact in definition.starts_at.facts if fact in facts]
    return min(moments, default=None)


def in_utc(moment: datetime) -> datetime:
    """Return *moment* in UTC: in a local zone, Python adds wall-clock time. Naive: ``ValueError``."""
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset is none")
    return moment.astimezone(UTC)


def begins_in_force(definition: ClockDefinition, start: date) -> bool:
    """Whether the instrument applied already on the day when the clock would start."""
    return definition.in_force and (
        definition.applies_from is None or start >= definition.applies_from
    )


def strict_due(definition: ClockDefinition, facts: Facts) -> datetime | None:
    """Return the strict due time; None where a fact, a number or a calendar is missing."""
    start = start_of(definition, facts)
    if start is None or not begins_in_force(definition, start.date()):
        return None
    if definition.starts_at.kind is AnchorKind.EARLIEST:
        return _earliest(definition, facts)
    if definition.wants_calendar or not isinstance(definition.period, Period):
        return None
    return after(start, definition.period)


def after(start: datetime, period: Period) -> datetime:
    """Return *start* and *period*; business days need a calendar and raise ``ValueError``."""
    if period.unit is Unit.HOURS:
        return start + timedelta(hours=period.n)
    if period.unit is Unit.DAYS:
        return start + timedelta(days=period.n)
    if period.unit is Unit.MONTHS:
        return months_after(start, period.n)
    if period.unit is Unit.YEARS:
        return months_after(start, 12 * period.n)
    raise ValueError("business days need a calendar")


def months_after(start: datetime, months: int) -> datetime:
    """Same date and time, *months* later; with no such date, the end of that month's last day.

    Reg. 1182/71 Art. 3(2)(c). The end of the day keeps a later start from being due earlier.
    """
    day = month_later(start.date(), months)
    if day.day == start.day:
        return start.replace(year=day.year, month=day.month)
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=start.tzinfo)


def month_later(day: date, months: int = 1) -> date:
    """Return the same date *months* later, else the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _earliest(definition: ClockDefinition, facts: Facts) -> datetime | None:
    """``min(classified+4h, aware+24h)``, or classified+4h alone when it was classified later.

    Without a classification, the outer limit that being aware sets; it is not yet started.
    """
    anchor = definition.starts_at
    facts = {fact: in_utc(at) for fact, at in facts.items()}
    (decided, aware), (soon, cap) = anchor.facts, (timedelta(hours=h) for h in anchor.hours)
    if aware not in facts:
        return facts[decided] + soon
    limit = facts[aware] + cap
    if decided not in facts:
        return limit
    if definition.late_rule and facts[decided] > limit:
        return facts[decided] + soon
    return min(facts[decided] + soon, limit)
