"""Legal clocks while an incident runs: reminders, earlier deadlines, holds, and closing refused."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.base import iso
from schemas.clocks.catalogue import catalogue
from schemas.clocks.states import ClockState
from schemas.incident import Resolution
from schemas.journal import Kind, verify_chain
from tests.workflows.case import Case, alert
from tests.workflows.counsel import Counsel, alert_now, under
from tests.workflows.roster import roster
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

HOUR = timedelta(hours=1)


async def open_triage(client: Client, queue: str, *regimes: str) -> tuple[Case, Counsel]:
    case = await Case.open(client, queue, alert_now(), playbook="triage", of=under(*regimes))
    return case, Counsel(case)


def reminders(world: World) -> list[str]:
    """What counsel was paged for because of time."""
    return [
        page.summary
        for page in world.page_requests
        if page.role == "counsel" and ("of its time" in page.summary or "is over" in page.summary)
    ]


async def test_72_hours_with_their_reminders_run_over_a_weekend(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case, counsel = await open_triage(client, queue, "gdpr-33")
    await counsel.determines("gdpr-33-2", "applicability", "not-applicable")
    alerted = (await counsel.until("gdpr-33", lambda r: bool(r.candidates))).candidates[0].at
    friday = (alerted + timedelta(days=7 + (4 - alerted.weekday()) % 7)).replace(hour=15, minute=0)
    await temporal.fast_forward(case.handle, friday - alerted)
    assert (await counsel.row("gdpr-33")).state is ClockState.SCOPE_NOT_DECLARED
    before = len(reminders(world))
    assert before == 4  # never silent, though nobody has said that it applies
    assert "if it applies, due" in reminders(world)[-1]

    await counsel.determines("gdpr-33", "applicability", "applies")
    await counsel.determines("gdpr-33", "awareness", iso(friday), reason="reasonable certainty")
    row = await counsel.until_state("gdpr-33", ClockState.RUNNING)
    assert row.due == friday + 72 * HOUR
    assert row.due.weekday() == 0
    for hours, told in ((35, 0), (2, 1), (16, 1), (2, 2), (9, 2), (2, 3), (5, 3)):
        await temporal.fast_forward(case.handle, hours * HOUR)
        assert len(reminders(world)) == before + told, (hours, reminders(world))
    assert (await counsel.row("gdpr-33")).state is ClockState.RUNNING
    await temporal.fast_forward(case.handle, 2 * HOUR)
    await counsel.until_state("gdpr-33", ClockState.OVERDUE)
    assert "50% of its time is over: due" in reminders(world)[before]
    assert "its time is over: was due" in reminders(world)[-1]


async def test_the_calendars_reading_and_its_editions_are_in_the_record(
    client: Client, queue: str, world: World
) -> None:
    case, counsel = await open_triage(client, queue, "aia-73-2")
    row = await counsel.until("aia-73-2", lambda r: bool(r.readings and r.readings.legal))
    assert row.readings is not None
    assert row.readings.strict is not None
    assert row.readings.legal["DE"] >= row.readings.strict
    assert row.state is ClockState.SCOPE_NOT_DECLARED
    assert row.says.startswith("if it applies, due ")
    assert world.calls["compute_due"] == 1
    opened = (await case.kinds(Kind.OPENED))[0].data["legal"]
    assert isinstance(opened, dict)
    assert opened["catalogue"] == catalogue().digest
    pinned = [e for e in await case.kinds(Kind.CLOCK) if "definitions" in e.data]
    assert "not legal advice" in pinned[0].says
    assert any(page.role == "counsel" for page in world.page_requests)


async def test_a_calendar_that_is_down_delays_no_strict_deadline_and_is_asked_again(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.refuse.add("compute_due")
    case, counsel = await open_triage(client, queue, "nis2-23-4a")
    row = await counsel.until("nis2-23-4a", lambda r: r.due is not None)
    assert row.due is not None
    await case.said("The calendar did not answer")
    world.refuse.clear()
    await temporal.fast_forward(case.handle, timedelta(minutes=6))
    again = await counsel.until("nis2-23-4a", lambda r: bool(r.readings and r.readings.legal))
    assert again.due == row.due


async def test_a_death_moves_the_deadline_earlier_and_the_record_keeps_both(
    client: Client, queue: str, world: World
) -> None:
    _, counsel = await open_triage(client, queue, "aia-73-2", "aia-73-4")
    aware = await counsel.aware_since_the_alert("aia-73-2")
    assert (await counsel.row("aia-73-2")).due == aware + timedelta(days=15)
    await counsel.determines("aia-73-4", "applicability", "applies", reason="a person died")
    row = await counsel.until_state("aia-73-4", ClockState.RUNNING)
    assert row.due == aware + timedelta(days=10)
    assert [c.value for c in row.due_at_history[-2:]] == [aware + timedelta(days=15), row.due]
    replaced = await counsel.row("aia-73-2")
    assert replaced.state is ClockState.SUPERSEDED
    assert replaced.superseded_by == "aia-73-4"


async def test_closing_waits_while_a_clock_runs_or_is_undecided(
    client: Client, queue: str, world: World
) -> None:
    case, counsel = await open_triage(client, queue, "nis2-23-4a", "sec")
    await case.approve("close")
    await case.said("Closing waits for counsel: nis2-23-4a (scope-not-declared), sec-8k-105")
    aware = await counsel.aware_since_the_alert("nis2-23-4a")
    await counsel.determines("sec", "applicability", "applies")
    await case.said("Closing waits for counsel: nis2-23-4a (running), sec-8k-105 (not-started)")
    await counsel.determines("sec", "applicability", "not-applicable", reason="immaterial")
    await counsel.determines("nis2-23-4a", "filed", iso(aware + timedelta(milliseconds=1)))
    await case.said("A determination changed nothing: no-receipt")
    filed = iso(aware + timedelta(milliseconds=1))
    await counsel.determines("nis2-23-4a", "filed", filed, reference="CSIRT 4711")
    result = await case.result()
    assert result.resolution is Resolution.TRIAGED
    assert verify_chain(await case.journal()) == result.journal_head
    assert (await counsel.row("nis2-23-4a")).filings[0].receipt == "CSIRT 4711"
    assert "Closing waits for counsel: no more" in await case.says()
    assert set(world.pages.values()) == {"resolved"}


async def test_a_false_alarm_too_needs_counsels_word_before_it_closes(
    client: Client, queue: str
) -> None:
    case, counsel = await open_triage(client, queue, "nis2-23-4a")
    await counsel.until("nis2-23-4a", lambda r: bool(r.candidates))
    await case.false_alarm()
    await case.said("Closing waits for counsel: nis2-23-4a")
    await counsel.determines("nis2-23-4a", "applicability", "not-applicable", reason="no incident")
    assert (await case.result()).resolution is Resolution.FALSE_ALARM


async def test_what_fires_while_counsel_is_waited_for_is_responded_to(
    client: Client, queue: str
) -> None:
    case, _ = await open_triage(client, queue, "nis2-23-4a")
    await case.approve("close")
    await case.said("Closing waits for counsel")
    await case.send(alert("e2"))
    await case.said("It fired again while closing: responding again")
    await case.gate("close")


async def test_an_evidence_hold_blocks_retraining_until_the_authority_is_informed(
    client: Client, queue: str, world: World
) -> None:
    world.refuse.add("watch_alias")
    case = await Case.open(client, queue, alert_now(), of=under("aia-73-6-hold"))
    counsel = Counsel(case)
    await case.approve("acknowledge")
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.said("An evidence hold blocks retrain_without_poison: aia-73-6-hold")
    view = await case.view()
    assert not any(gate.policy.id == "retrain-without-poison" for gate in view.gates)
    assert world.effects["rescore"] == 1  # it alters no model
    await counsel.determines("aia-73-6-hold", "hold-released", "authority-informed")
    await case.approve("retrain-without-poison", "data-owner", "ml-lead")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")
    await case.result()
    assert world.effects["retrain"] == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"role": "commander"}, "not-the-role"),
        ({"clock": "dora-initial"}, "no-such-clock"),
        ({"clock": "../../etc"}, "malformed"),
        ({"what": "delete"}, "malformed"),
        ({"value": "perhaps"}, "no-such-value"),
        ({"what": "awareness", "value": "2026-12-18T16:00"}, "no-moment"),
        ({"what": "filed", "value": "9999-12-31T23:59:59-12:00"}, "no-moment"),
        ({"reason": ""}, "malformed"),
        ({"surplus": "x"}, "malformed"),
    ],
)
async def test_a_forged_determination_changes_nothing(
    client: Client, queue: str, changes: dict[str, str], refusal: str
) -> None:
    case, counsel = await open_triage(client, queue, "nis2-23-4a")
    before = await counsel.until("nis2-23-4a", lambda r: bool(r.readings and r.readings.legal))
    forged = counsel.signed("nis2-23-4a", "applicability", "applies") | changes
    await case.signal("determine", forged)
    await case.said("A determination changed nothing")
    assert await case.refusals() == [refusal]
    assert await counsel.row("nis2-23-4a") == before


async def test_who_determines_holds_the_role_that_they_speak_in(
    client: Client, queue: str, world: World
) -> None:
    of = under("gdpr-33").model_copy(update={"roster": roster()})
    case = await Case.open(client, queue, alert_now(), playbook="triage", of=of)
    counsel = Counsel(case)
    away = ("gdpr-33", "applicability", "not-applicable")
    for actor in ("o1", "c1", "nobody-here", "L1"):  # the last is counsel's id, spelled otherwise
        await counsel.determines(*away, actor=actor)
    await case.until_journal(Kind.REFUSED, 4)
    await case.signal("suspect", case_against("l1"))
    await case.said("Someone takes no part in this incident any more")
    await counsel.determines(*away, actor="l1")
    await case.until_journal(Kind.REFUSED, 5)
    assert {entry.data["refusal"] for entry in await case.kinds(Kind.REFUSED)} == {"not-the-role"}
    assert (await counsel.row("gdpr-33")).state is ClockState.SCOPE_NOT_DECLARED
    other = await Case.open(client, queue, alert_now(), playbook="triage", of=of)
    await Counsel(other).determines(*away, actor="l1")
    await Counsel(other).until_state("gdpr-33", ClockState.NOT_APPLICABLE)


def case_against(person: str) -> dict[str, str]:
    said = {"id": "s-1", "actor": "c1", "role": "commander", "reason": "it was them"}
    return {**said, "person": person}


async def test_nothing_that_arrives_as_a_determination_stops_the_incident(
    client: Client, queue: str
) -> None:
    case, counsel = await open_triage(client, queue, "nis2-23-4a")
    nonsense: list[list[Any]] = [[], [None], ["applies"], [[1, 2]], [{"clock": {"x": []}}], [{}, 1]]
    for junk in nonsense:
        await case.signal("determine", *junk)
    await case.said("A determination changed nothing: malformed")
    given = counsel.signed("nis2-23-4a", "applicability", "not-applicable")
    await case.signal("determine", given)
    await counsel.until_state("nis2-23-4a", ClockState.NOT_APPLICABLE)
    await case.signal("determine", given | {"value": "applies"})
    await case.said("A determination changed nothing: duplicate")
    assert (await counsel.row("nis2-23-4a")).state is ClockState.NOT_APPLICABLE
    await case.approve("close")
    await case.result()


async def test_a_service_without_regimes_has_no_clocks_and_takes_no_determination(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, playbook="triage")
    await case.gate("close")
    await case.signal("determine", Counsel(case).signed("gdpr-33", "applicability", "applies"))
    await case.said("A determination changed nothing: no-such-clock")
    assert (await Counsel(case).clocks()).clocks == ()
    await case.approve("close")
    await case.result()
    assert world.calls["compute_due"] == 0
    assert not await case.kinds(Kind.CLOCK)
    assert "legal" not in (await case.kinds(Kind.OPENED))[0].data
