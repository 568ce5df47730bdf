"""What holds for every moment and every clock: strict is never later, nothing is ever naive."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.clocks_calendar import ClocksCalendar, Connection, LibraryCalendar
from hemostat.vault import Vault
from schemas.clocks.arithmetic import month_later, resolved, strict_due
from schemas.clocks.catalogue import catalogue
from schemas.clocks.definition import AnchorKind, ClockDefinition
from schemas.clocks.readings import CAPITALS, due_by_calendar, zone_name
from schemas.errors import BadInput
from schemas.ports.clocks import ComputeDue

CALENDAR = LibraryCalendar()
KNOWN = {clock.id: clock for clock in catalogue().clocks}
CLOCKS = [resolved(clock, KNOWN) for clock in catalogue().clocks if clock.kind == "clock"]
ONE_FACT = [clock for clock in CLOCKS if clock.starts_at.kind is not AnchorKind.EARLIEST]

moments = st.datetimes(
    min_value=datetime(2026, 10, 1),  # noqa: DTZ001 - hypothesis wants its bounds without a zone
    max_value=datetime(2031, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.sampled_from(
        [UTC, *(CALENDAR.zone(name) for name in ("Europe/Berlin", "America/New_York"))]
    ),
)
countries = st.sampled_from([(), ("DE",), ("DE-BY", "FR"), ("IE", "CY", "SE")])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CLOCKS), moments, moments, countries)
def test_strict_is_never_later_than_any_other_reading(
    clock: ClockDefinition, one: datetime, other: datetime, places: tuple[str, ...]
) -> None:
    facts = dict(zip(clock.starts_at.facts, (one, other), strict=False))
    due = due_by_calendar(clock, facts, places, CALENDAR)
    readings = [*due.legal.values(), *due.relief.values()]
    if due.strict is None:
        assert not readings
        return
    assert due.strict.utcoffset() == timedelta(0)
    assert all(reading.utcoffset() is not None for reading in readings)
    assert all(due.strict <= reading for reading in readings)
    pure = strict_due(clock, facts)
    assert pure is None or due.strict <= pure


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ONE_FACT), moments, moments, countries)
def test_who_learns_later_is_never_due_earlier(
    clock: ClockDefinition, one: datetime, other: datetime, places: tuple[str, ...]
) -> None:
    (fact,) = clock.starts_at.facts
    earlier, later = (
        due_by_calendar(clock, {fact: at}, places, CALENDAR).strict
        for at in sorted((one.astimezone(UTC), other.astimezone(UTC)))
    )
    if earlier is not None and later is not None:
        assert earlier <= later


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 40))
def test_a_month_later_is_the_same_date_or_the_last_of_its_month(day: date, months: int) -> None:
    later = month_later(day, months)
    assert later.day == day.day or (later + timedelta(days=1)).day == 1
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months


def test_the_last_of_january_is_followed_by_the_last_of_february() -> None:
    assert month_later(date(2027, 1, 31)) == date(2027, 2, 28)
    assert month_later(date(2028, 1, 31)) == date(2028, 2, 29)


def test_hours_are_elapsed_hours_when_the_clocks_go_back() -> None:
    berlin = CALENDAR.zone("Europe/Berlin")
    friday = datetime(2026, 10, 23, 16, tzinfo=berlin)
    due = due_by_calendar(KNOWN["gdpr-33"], {"controller_aware": friday}, ("DE",), CALENDAR)
    assert due.strict == datetime(2026, 10, 26, 15, tzinfo=berlin)


def test_a_moment_without_its_offset_is_refused() -> None:
    naive = datetime(2026, 12, 18)  # noqa: DTZ001 - what must be refused
    with pytest.raises(ValueError, match="offset"):
        strict_due(KNOWN["gdpr-33"], {"controller_aware": naive})


def test_an_american_period_of_days_ends_on_its_day_when_the_clocks_go_forward() -> None:
    new_york = CALENDAR.zone("America/New_York")
    late = datetime(2027, 3, 1, 23, 30, tzinfo=new_york)
    due = due_by_calendar(KNOWN["us-ny-899aa"], {"discovered": late}, (), CALENDAR)
    assert due.day == date(2027, 3, 31)
    assert due.strict == datetime(2027, 3, 31, 23, 59, 59, tzinfo=new_york)


@pytest.mark.parametrize("country", CAPITALS)
def test_every_country_has_its_holidays_and_its_time(country: str) -> None:
    christmas = date(2026, 12, 25)
    assert CALENDAR.works(country, date(2026, 12, 15))
    assert not CALENDAR.works(country, christmas)
    assert datetime(2026, 12, 25, tzinfo=CALENDAR.zone(zone_name(country))).utcoffset() is not None


@pytest.mark.parametrize("country", ["XX", "DE-XX", "US"])
async def test_a_country_without_a_calendar_is_named(
    country: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vault = Vault(tmp_path_factory.mktemp("vault"))
    adapter = ClocksCalendar(Connection(adapter="clocks_calendar"), vault)
    request = ComputeDue(
        definition=KNOWN["gdpr-33"],
        facts={"controller_aware": datetime(2026, 12, 18, tzinfo=UTC)},
        countries=(country,),
    )
    with pytest.raises(BadInput, match=country):
        await adapter.compute_due(request)
