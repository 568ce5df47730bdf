"""The state of a clock, determination by determination; counsel decides, time only passes."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clocks.determination import Matter
from schemas.clocks.ledger import Clock, blocked_by
from schemas.clocks.states import (
    KEEPS_OPEN,
    ClockEvent,
    ClockState,
    keeping_open,
    next_due,
    standing_holds,
)
from tests.unit.clocks import Desk

HOURS_72 = timedelta(hours=72)


def desk_with_an_applying(regime: str) -> Desk:
    desk = Desk(regime)
    desk.alarmed()
    desk.says(regime, "applicability", "applies")
    return desk


def test_until_counsel_decides_a_clock_is_shown_as_if_it_applied() -> None:
    desk = Desk("gdpr-33")
    assert desk.state("gdpr-33") is ClockState.SCOPE_NOT_DECLARED
    assert desk.due("gdpr-33") is None
    desk.alarmed()
    assert desk.state("gdpr-33") is ClockState.SCOPE_NOT_DECLARED
    assert desk.due("gdpr-33") == desk.now + HOURS_72
    told = desk.pass_(hours=73)
    assert desk.state("gdpr-33") is ClockState.SCOPE_NOT_DECLARED
    assert [lapse.event for lapse in told if lapse.clock == "gdpr-33"] == [ClockEvent.DUE]


def test_a_clock_runs_from_the_candidate_that_counsel_selects() -> None:
    desk = desk_with_an_applying("gdpr-33")
    assert desk.state("gdpr-33") is ClockState.ANCHOR_MISSING
    desk.pass_(hours=5)
    selected = desk.then(hours=4)
    desk.says("gdpr-33", "candidate", desk.then(hours=9), reason="a customer's mail")
    desk.says("gdpr-33", "awareness", selected, reason="reasonable certainty")
    clock = desk.ledger.clocks["gdpr-33"]
    assert desk.state("gdpr-33") is ClockState.RUNNING
    assert clock.due_at == desk.now - timedelta(hours=4) + HOURS_72
    assert len(clock.candidates) == 3
    assert clock.selections[-1].said.reason == "reasonable certainty"


def test_a_selection_that_is_corrected_keeps_the_one_before_it() -> None:
    desk = desk_with_an_applying("gdpr-33")
    desk.pass_(hours=5)
    desk.says("gdpr-33", "awareness", desk.then(hours=1))
    later = desk.due("gdpr-33")
    desk.says("gdpr-33", "awareness", desk.then(hours=4))
    earlier = desk.due("gdpr-33")
    clock = desk.ledger.clocks["gdpr-33"]
    assert later is not None
    assert earlier == later - timedelta(hours=3)
    assert len(clock.selections) == 2
    assert [c.value for c in clock.due_at_history][-2:] == [later, earlier]


def test_counsel_is_reminded_at_half_three_quarters_and_nine_tenths() -> None:
    desk = desk_with_an_applying("gdpr-33")
    desk.says("gdpr-33", "awareness", desk.then())
    shares = []
    for _ in range(72 * 2):
        shares += [(lapse.event, lapse.share) for lapse in desk.pass_(minutes=30)]
    reminder = ClockEvent.REMINDER
    assert shares == [(reminder, 0.5), (reminder, 0.75), (reminder, 0.9), (ClockEvent.DUE, 1.0)]
    assert desk.state("gdpr-33") is ClockState.RUNNING
    desk.pass_(seconds=1)
    assert desk.state("gdpr-33") is ClockState.OVERDUE
    assert next_due(desk.ledger, desk.now) is None


def test_a_filing_needs_its_receipt_and_may_be_late() -> None:
    desk = desk_with_an_applying("nis2-23-4a")
    desk.says("nis2-23-4a", "awareness", desk.then())
    desk.pass_(hours=25)
    assert desk.state("nis2-23-4a") is ClockState.OVERDUE
    assert desk.refused("nis2-23-4a", "filed", desk.then()) == "no-receipt"
    desk.says("nis2-23-4a", "filed", desk.then(hours=2), reference="CSIRT 4711")
    assert desk.state("nis2-23-4a") is ClockState.FILED


def test_what_was_filed_after_its_time_was_filed_late() -> None:
    desk = desk_with_an_applying("nis2-23-4a")
    desk.says("nis2-23-4a", "awareness", desk.then())
    desk.pass_(hours=25)
    desk.says("nis2-23-4a", "filed", desk.then(), reference="CSIRT 4711")
    assert desk.state("nis2-23-4a") is ClockState.FILED_LATE


def test_a_final_report_is_due_a_month_after_the_filing_before_it() -> None:
    desk = desk_with_an_applying("nis2")
    desk.says("nis2", "awareness", desk.then())
    assert desk.state("nis2-23-4d") is ClockState.NOT_STARTED
    desk.pass_(hours=10)
    desk.says("nis2-23-4b", "filed", desk.then(), reference="CSIRT 1")
    assert desk.state("nis2-23-4d") is ClockState.RUNNING
    assert desk.due("nis2-23-4d") == desk.now.replace(year=2027, month=1)
    assert desk.state("nis2-23-4a") is ClockState.RUNNING


def test_a_death_moves_the_deadline_earlier_and_what_was_due_before_is_kept() -> None:
    desk = Desk("aia-73-2", "aia-73-4")
    desk.alarmed()
    desk.says("aia-73-2", "applicability", "applies")
    desk.says("aia-73-2", "awareness", desk.then())
    assert desk.due("aia-73-2") == desk.now + timedelta(days=15)
    desk.says("aia-73-4", "applicability", "applies", reason="a person died")
    assert desk.state("aia-73-2") is ClockState.SUPERSEDED
    assert desk.state("aia-73-4") is ClockState.RUNNING
    history = desk.ledger.clocks["aia-73-4"].due_at_history
    assert [c.value for c in history[-2:]] == [
        desk.now + timedelta(days=15),
        desk.now + timedelta(days=10),
    ]
    assert history[-1].reason == "a person died"


def test_of_the_clocks_of_one_duty_only_the_shortest_counts() -> None:
    desk = desk_with_an_applying("aia-73")
    desk.says("aia-73", "awareness", desk.then())
    states = {name: desk.state(name) for name in ("aia-73-2", "aia-73-3", "aia-73-4")}
    assert states == {
        "aia-73-2": ClockState.SUPERSEDED,
        "aia-73-3": ClockState.RUNNING,
        "aia-73-4": ClockState.SUPERSEDED,
    }
    desk.says("aia-73-3", "applicability", "not-applicable", reason="not widespread")
    assert desk.state("aia-73-4") is ClockState.RUNNING


def test_a_tolled_clock_stands_still_and_its_time_is_given_back() -> None:
    desk = desk_with_an_applying("hipaa-404")
    desk.says("hipaa-404", "awareness", desk.then())
    due = desk.due("hipaa-404")
    desk.pass_(days=1)
    desk.says("hipaa-404", "tolled", "tolled", reason="164.412")
    assert desk.pass_(days=90) == ()
    assert desk.state("hipaa-404") is ClockState.TOLLED
    desk.says("hipaa-404", "tolled", "resumed")
    assert due is not None
    assert desk.due("hipaa-404") == due + timedelta(days=90)
    assert desk.state("hipaa-404") is ClockState.RUNNING


def test_a_hold_stands_until_the_authority_knows_or_counsel_says_it_does_not_apply() -> None:
    desk = Desk("aia")
    holds = standing_holds(desk.ledger)
    assert blocked_by(holds, "retrain_without_poison") == ("aia-73-6-hold",)
    assert blocked_by(holds, "retrain") == ("aia-73-6-hold",)
    assert not blocked_by(holds, "rescore_decisions")
    assert not blocked_by(holds, "retraining_report")
    assert desk.refused("aia", "hold-released", "in-a-hurry") == "no-such-value"
    assert desk.refused("aia-73-2", "hold-released", "authority-informed") == "not-of-this-clock"
    desk.says("aia", "hold-released", "authority-informed", reason="told on the phone")
    assert not standing_holds(desk.ledger)
    other = Desk("aia")
    other.says("aia", "applicability", "not-applicable", reason="no high-risk system")
    assert not standing_holds(other.ledger)
    assert not keeping_open(other.ledger, other.now)


def test_what_says_at_once_is_told_once_and_never_overdue() -> None:
    desk = desk_with_an_applying("aia-26")
    desk.says("aia-26", "awareness", desk.then())
    told = [lapse.event for lapse in desk.pass_(seconds=1)]
    assert told == [ClockEvent.AT_ONCE]
    assert desk.pass_(days=30) == ()
    assert desk.state("aia-26-5") is ClockState.RUNNING


def test_a_contract_has_the_period_that_counsel_reads_in_it() -> None:
    desk = desk_with_an_applying("contract")
    desk.says("contract", "awareness", desk.then())
    assert desk.due("contract") is None
    desk.says("contract", "period", "48 h", reason="the agreement, clause 9")
    assert desk.due("contract") == desk.now + timedelta(hours=48)
    assert desk.refused("contract", "period", "soon") == "no-such-value"


def test_what_is_not_law_keeps_nothing_open_and_cannot_be_made_to_apply() -> None:
    desk = Desk("circia")
    assert desk.state("circia") is ClockState.NOT_APPLICABLE
    assert desk.refused("circia", "applicability", "applies") == "not-in-force"
    assert not keeping_open(desk.ledger, desk.now)


def test_an_incident_stays_open_while_a_clock_runs_or_is_undecided() -> None:
    desk = Desk("gdpr-33", "sec")
    desk.alarmed()
    assert set(keeping_open(desk.ledger, desk.now)) == {"gdpr-33", "gdpr-33-2", "sec-8k-105"}
    desk.says("gdpr-33-2", "applicability", "not-applicable")
    desk.says("gdpr-33", "applicability", "applies")
    desk.says("gdpr-33", "awareness", desk.then())
    desk.says("gdpr-33", "filed", desk.then(), reference="SA 1")
    desk.says("sec", "applicability", "applies")
    assert set(keeping_open(desk.ledger, desk.now)) == {"sec-8k-105"}
    desk.says("sec", "applicability", "not-applicable", reason="immaterial")
    assert not keeping_open(desk.ledger, desk.now)


@pytest.mark.parametrize(
    ("what", "value", "why"),
    [
        ("awareness", "2026-12-18T12:00:00", "no-moment"),
        ("awareness", "2026-12-18", "no-moment"),
        ("awareness", "2027-12-18T12:00:00Z", "no-moment"),
        ("awareness", "9999-12-31T23:59:59-12:00", "no-moment"),
        ("awareness", "0001-01-01T00:00:00+14:00", "no-moment"),
        ("awareness", "yesterday", "no-moment"),
        ("applicability", "maybe", "no-such-value"),
        ("tolled", "a little", "no-such-value"),
        ("tolled", "resumed", "not-of-this-clock"),
        ("anchor", "2026-12-18T12:00:00Z", "not-of-this-clock"),
        ("hold-released", "authority-informed", "not-of-this-clock"),
        ("period", "30 d", "not-of-this-clock"),
    ],
)
def test_what_means_nothing_changes_nothing(what: str, value: str, why: str) -> None:
    desk = desk_with_an_applying("gdpr-33")
    assert desk.refused("gdpr-33", what, value) == why


def test_only_legal_roles_determine_and_the_data_protection_officer_only_the_gdpr() -> None:
    desk = Desk("gdpr-33", "nis2")
    for role in ("commander", "ml-lead", "comms", "automation"):
        assert desk.refused("gdpr-33", "applicability", "applies", role=role) == "not-the-role"
    desk.says("gdpr-33", "applicability", "applies", role="dpo")
    assert desk.refused("nis2", "applicability", "applies", role="dpo") == "not-the-role"
    assert desk.refused("hipaa", "applicability", "applies") == "no-such-clock"
    assert desk.refused("gdpr", "filed", desk.then(), reference="SA 1") == "no-such-clock"


values = st.one_of(
    st.sampled_from(
        ["applies", "not-applicable", "tolled", "resumed", "authority-informed", "9 d"]
    ),
    st.integers(0, 200).map(lambda hours: f"-{hours}"),
    st.text(min_size=1, max_size=20),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["aia", "aia-73-2", "aia-73-4", "dora", "dora-initial", "sec", "contract"]),
        st.sampled_from([matter.value for matter in Matter]),
        values,
        st.sampled_from(["", "receipt"]),
        st.integers(0, 100),
    ),
    max_size=15,
)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_no_order_of_determinations_breaks_the_ledger(
    course: list[tuple[str, str, str, str, int]],
) -> None:
    desk = Desk("aia", "dora", "sec", "contract")
    desk.alarmed()
    for clock, what, value, reference, hours in course:
        desk.pass_(hours=hours)
        ago = value.removeprefix("-")
        given_value = desk.then(hours=int(ago)) if ago.isascii() and ago.isdigit() else value
        desk._try(clock, what, given_value, reference=reference)
        assert not desk.ledger.to_compute()
        assert type(desk.ledger).model_validate_json(desk.ledger.model_dump_json()) == desk.ledger
    for known in desk.ledger.clocks.values():
        _sound(desk, known)


def _sound(desk: Desk, clock: Clock) -> None:
    state = desk.state(clock.id)
    assert (state in KEEPS_OPEN) <= (clock.id in keeping_open(desk.ledger, desk.now))
    if state in (ClockState.FILED, ClockState.FILED_LATE) and clock.definition.kind == "clock":
        assert clock.filings
    if state is ClockState.OVERDUE:
        assert clock.due_at is not None
        assert clock.due_at < desk.now
    if state is ClockState.RUNNING and not clock.definition.immediate:
        assert clock.due_at is None or clock.due_at >= desk.now
    elapsed = next_due(desk.ledger, desk.now)
    assert elapsed is None or elapsed > desk.now or desk.pass_(seconds=0) != ()
