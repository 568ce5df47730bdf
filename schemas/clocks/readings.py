"""The readings that a calendar takes part in: Reg. 1182/71, business days, DORA's weekend relief.

Holidays and time zones come from a ``Calendar``; their editions change, so workflows reach this
only through the port ``compute_due``, whose answer their history keeps.

Reg. (EEC, Euratom) 1182/71 Art. 3: the hour or day of the event does not count; hours never roll
over; days and months end with the last hour of their last day, which rolls to the next working
day; a period of two days or more holds two working days.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Protocol

from schemas.clocks.arithmetic import (
    Due,
    Facts,
    begins_in_force,
    month_later,
    start_of,
    strict_due,
)
from schemas.clocks.definition import AnchorKind, ClockDefinition, Period, Unit

DAY: Final = timedelta(days=1)
LAST_HOUR_ENDS: Final = time(23, 59, 59)

EUROPEAN: Final = frozenset({"gdpr", "aia", "nis2", "dora", "cra", "dsa"})
"""The regimes that Reg. 1182/71 counts for."""

HOME: Final = (
    ("us-ca", "America/Los_Angeles"),
    ("ca", "America/Los_Angeles"),
    ("uk", "Europe/London"),
)
ELSEWHERE: Final = "America/New_York"
"""Where the days of a regime begin and end, by the beginning of its clocks' ids."""

CAPITALS: Final = dict(
    pair.split("=")
    for pair in (
        "AT=Vienna BE=Brussels BG=Sofia CH=Zurich CZ=Prague DE=Berlin DK=Copenhagen EE=Tallinn "
        "ES=Madrid FI=Helsinki FR=Paris GB=London GR=Athens HR=Zagreb HU=Budapest IE=Dublin "
        "IT=Rome LI=Vaduz LT=Vilnius LU=Luxembourg LV=Riga MT=Malta NL=Amsterdam NO=Oslo "
        "PL=Warsaw PT=Lisbon RO=Bucharest SE=Stockholm SI=Ljubljana SK=Bratislava"
    ).split()
) | {"CY": "../Asia/Nicosia", "IS": "../Atlantic/Reykjavik"}


class Calendar(Protocol):
    """Where the facts about days come from."""

    def zone(self, name: str) -> tzinfo:
        """The IANA time zone *name*."""

    def works(self, country: str, day: date) -> bool:
        """Whether *day* is no Saturday, Sunday or public holiday in *country* (``DE``, ``DE-BY``)."""


def zone_name(country: str) -> str:
    """The time zone of a country's capital; ``KeyError`` if it is not a European one."""
    city = CAPITALS[country.partition("-")[0]]
    return city.removeprefix("../") if city.startswith("../") else f"Europe/{city}"


def due_by_calendar(
    definition: ClockDefinition, facts: Facts, countries: Sequence[str], calendar: Calendar
) -> Due:
    """Return when *definition* is due, in every reading that *facts* and *countries* allow."""
    start = start_of(definition, facts)
    if start is None:
        return Due(strict=None)
    european = definition.id.partition("-")[0] in EUROPEAN
    if european:
        zones = {country: calendar.zone(zone_name(country)) for country in countries}
    else:
        zones = {"": calendar.zone(_home(definition.id))}
    places = list(zones.values()) or [UTC]
    if not all(begins_in_force(definition, start.astimezone(zone).date()) for zone in places):
        return Due(strict=None)
    if not european:
        return _at_home(definition, start, facts, zones[""], calendar)
    return _european(definition, start, facts, zones, calendar)


def _home(clock: str) -> str:
    return next((zone for head, zone in HOME if clock.startswith(f"{head}-")), ELSEWHERE)


def _at_home(
    definition: ClockDefinition, start: datetime, facts: Facts, zone: tzinfo, calendar: Calendar
) -> Due:
    """American and British clocks: days in the regime's own time zone, business days by holidays."""
    strict, period = strict_due(definition, facts), definition.period
    if not isinstance(period, Period):
        return Due(strict=strict)
    first = start.astimezone(zone).date()
    if period.unit is Unit.BUSINESS_DAYS:
        day = _business_days_after(first, period.n, calendar)
        return Due(strict=datetime.combine(day, _cutoff(definition), zone), day=day)
    if period.unit is not Unit.DAYS:
        return Due(strict=strict)
    if definition.starts_at.kind is AnchorKind.YEAR_END:
        first = date(first.year, 12, 31)
    day = first + period.n * DAY
    end = _end_of(day, zone)
    return Due(strict=min(strict, end) if strict else end, day=day)


def _business_days_after(day: date, count: int, calendar: Calendar) -> date:
    """The day of the event is day zero, whether or not it is a working day."""
    while count:
        day += DAY
        count -= calendar.works("US", day)
    return day


def _cutoff(definition: ClockDefinition) -> time:
    """Until when a filing counts for its day."""
    match = re.match(r"(\d\d):(\d\d) ET", definition.cutoff or "")
    return time(int(match[1]), int(match[2])) if match else LAST_HOUR_ENDS


def _european(
    definition: ClockDefinition,
    start: datetime,
    facts: Facts,
    zones: dict[str, tzinfo],
    calendar: Calendar,
) -> Due:
    strict, period = strict_due(definition, facts), definition.period
    legal: dict[str, datetime] = {}
    if isinstance(period, Period) and not definition.immediate:
        for country, zone in zones.items():
            legal[country] = _reading(start.astimezone(zone), period, country, calendar)
    relief: dict[str, datetime] = {}
    if strict and definition.weekend_relief:
        for country, zone in zones.items():
            relief |= dict(_relief(strict.astimezone(zone), country, calendar))
    if strict and legal:
        strict = min(strict, *legal.values())
    return Due(strict=strict, legal=legal, relief=relief)


def _reading(start: datetime, period: Period, country: str, calendar: Calendar) -> datetime:
    """Reg. 1182/71 Art. 3 for one country; *start* is in its time."""
    if period.unit is Unit.HOURS:
        hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour + timedelta(hours=1 + period.n)
    months = {Unit.MONTHS: 1, Unit.YEARS: 12}.get(period.unit, 0) * period.n
    first = start.date()
    last = month_later(first, months) if months else first + period.n * DAY
    least = 2 if last - first >= 2 * DAY else 0
    worked = sum(calendar.works(country, day) for day in _days(first + DAY, last))
    while worked < least or not calendar.works(country, last):
        last += DAY
        worked += calendar.works(country, last)
    return _end_of(last, start.tzinfo or UTC)


def _days(first: date, last: date) -> Iterator[date]:
    for ahead in range(min((last - first).days + 1, 40)):  # two working days are long found
        yield first + ahead * DAY


def _relief(strict: datetime, country: str, calendar: Calendar) -> Iterator[tuple[str, datetime]]:
    """Noon of the next working day, when the limit falls on none (DORA RTS Art. 5(4))."""
    day = strict.date()
    if calendar.works(country, day):
        return
    while not calendar.works(country, day):
        day += DAY
    yield country, datetime.combine(day, time(12), strict.tzinfo)


def _end_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, LAST_HOUR_ENDS, zone)
