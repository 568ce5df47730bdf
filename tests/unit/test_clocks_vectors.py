"""Every test vector of the catalogue holds, and the wrong readings found in public do not."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from activities.clocks_calendar import LibraryCalendar, editions
from schemas.clocks.arithmetic import Due, resolved, strict_due
from schemas.clocks.catalogue import catalogue
from schemas.clocks.definition import AnchorKind, ClockDefinition
from schemas.clocks.readings import due_by_calendar
from schemas.clocks.states import ClockState
from tests.unit.clocks import Desk

CALENDAR = LibraryCalendar()
BERLIN = CALENDAR.zone("Europe/Berlin")
NEW_YORK = CALENDAR.zone("America/New_York")
FRIDAY = datetime(2026, 12, 18, 16, tzinfo=BERLIN)
VECTORS = [v for v in catalogue().test_vectors if "state" not in v]


def clock(name: str) -> ClockDefinition:
    known = {c.id: c for c in catalogue().clocks}
    return resolved(known[name], known)


def due(name: str, *countries: str, **facts: datetime) -> Due:
    return due_by_calendar(clock(name), facts, countries, CALENDAR)


def moment(text: str) -> datetime:
    """A vector's moment; a bare date is noon of that day in New York."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else datetime.combine(read.date(), time(12), NEW_YORK)


def facts_of(vector: dict[str, Any]) -> dict[str, datetime]:
    if "classified" in vector:
        return {
            "aware": moment(vector["aware"]),
            "classified_major": moment(vector["classified"]),
        }
    (fact,) = clock(vector["clock"]).starts_at.facts
    return {fact: moment(vector["anchor"])}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['clock']}-{v.get('anchor')}")
def test_a_vector_of_the_catalogue_holds(vector: dict[str, Any]) -> None:
    got = due(vector["clock"], "DE", **facts_of(vector))
    if "strict" in vector:
        assert got.strict == moment(vector["strict"])
        assert strict_due(clock(vector["clock"]), facts_of(vector)) == got.strict
    if "legal_reading_DE" in vector:
        assert got.legal["DE"] == moment(vector["legal_reading_DE"])
    if "relief_if_not_excluded" in vector:
        assert got.relief["DE"] == moment(vector["relief_if_not_excluded"])
    if "due" in vector:
        assert got.day == date.fromisoformat(vector["due"])
        assert got.strict is not None
        assert got.strict.astimezone(NEW_YORK).date() <= got.day


def test_no_vector_was_left_out() -> None:
    assert len(catalogue().test_vectors) == 14
    assert [v["clock"] for v in catalogue().test_vectors if "state" in v] == ["sec-8k-105"]


def test_discovery_never_starts_the_clock_of_a_material_incident() -> None:
    desk = Desk("sec")
    desk.says("sec", "applicability", "applies")
    assert desk.refused("sec", "awareness", desk.then()) == "not-of-this-clock"
    assert desk.state("sec-8k-105") is ClockState.NOT_STARTED
    assert desk.due("sec-8k-105") is None


def test_a_filing_on_wall_street_counts_until_half_past_five() -> None:
    determined = datetime(2026, 7, 10, 18, tzinfo=NEW_YORK)
    got = due("sec-8k-105", materiality_determined=determined)
    assert got.strict == datetime(2026, 7, 16, 17, 30, tzinfo=NEW_YORK)


# What public guides say, and the law does not


def test_a_death_is_ten_days_not_two_and_not_two_working_days() -> None:
    death = due("aia-73-4", "DE", provider_or_deployer_aware=FRIDAY)
    assert death.strict == FRIDAY + timedelta(days=10)
    assert death.strict != due("aia-73-3", "DE", provider_or_deployer_aware=FRIDAY).strict
    assert death.strict > datetime(2026, 12, 22, 23, 59, 59, tzinfo=BERLIN)


def test_serious_harm_is_fifteen_days_not_ten() -> None:
    harm = due("aia-73-2", "DE", provider_or_deployer_aware=FRIDAY)
    assert harm.strict == FRIDAY + timedelta(days=15)


def test_the_intermediate_report_is_not_due_24_hours_or_72_hours_after_detection() -> None:
    desk = Desk("dora")
    desk.says("dora", "applicability", "applies")
    detected = desk.then()
    desk.says("dora", "awareness", detected)
    desk.says("dora", "anchor", detected)
    assert desk.state("dora-intermediate") is ClockState.NOT_STARTED
    desk.pass_(hours=3)
    filed = desk.now
    desk.says("dora-initial", "filed", desk.then(), reference="receipt 1")
    assert desk.due("dora-intermediate") == filed + timedelta(hours=72)
    assert desk.due("dora-final") is None


def test_the_final_report_is_not_five_business_days_but_a_month_after_the_last_intermediate() -> (
    None
):
    final = due("dora-final", "DE", filed=FRIDAY)
    assert final.strict == datetime(2027, 1, 18, 16, tzinfo=BERLIN)
    assert clock("dora-final").starts_at.kind is AnchorKind.FILED
    assert clock("dora-final").starts_at.latest


def test_the_initial_report_is_capped_at_24_hours_of_awareness() -> None:
    classified = FRIDAY + timedelta(hours=23)
    got = due("dora-initial", "DE", aware=FRIDAY, classified_major=classified)
    assert got.strict == FRIDAY + timedelta(hours=24)
    assert got.strict < classified + timedelta(hours=4)


def test_the_standards_of_dora_bear_their_own_numbers() -> None:
    texts = " ".join(c.model_dump_json() for c in catalogue().clocks)
    assert "2025/301" in texts
    assert "2024/1773" not in texts
    assert "2024/1502" not in texts


def test_what_is_not_law_yet_is_not_computed() -> None:
    assert due("circia", aware=FRIDAY).strict is None
    before = datetime(2026, 12, 31, 12, tzinfo=NEW_YORK)
    raise_act = {"determined_or_reasonable_belief": before}
    assert due("ny-raise", **raise_act).strict is None
    after = {"determined_or_reasonable_belief": before + timedelta(days=1)}
    assert due("ny-raise", **after).strict == before + timedelta(days=4)
    assert due("cra-14-early", "DE", manufacturer_aware=FRIDAY).strict is not None


def test_fewer_than_five_hundred_patients_are_reported_after_the_year_where_it_ended() -> None:
    new_year_in_utc = datetime(2027, 1, 1, 3, tzinfo=UTC)  # still 31 December in New York
    got = due("hipaa-408c", discovered=new_year_in_utc)
    assert got.day == date(2027, 3, 1)
    assert strict_due(clock("hipaa-408c"), {"discovered": new_year_in_utc}) is None


def test_the_same_as_another_clock_is_due_with_it() -> None:
    assert due("hipaa-408b", discovered=FRIDAY) == due("hipaa-404", discovered=FRIDAY)


def test_an_answer_names_the_editions_of_its_calendars() -> None:
    assert set(editions()) == {"holidays", "tzdata"}
