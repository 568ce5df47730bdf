"""What the record does not bear out is not told: the course of an incident and its containment."""

import re
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.account.ending import Ending
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.export_as import aiid, atlas, ocsf
from hemostat.audit.report.answers import headline
from hemostat.audit.report.board import board
from hemostat.audit.report.metrics import metrics_of
from hemostat.audit.report.picture import timeline
from hemostat.audit.report.postmortem import postmortem
from tests.audit.accounts import (
    AGAIN,
    BEFOREHAND,
    BREACH,
    BY_PEOPLE,
    FALSE,
    FILED,
    LOST,
    SILENT,
    changed,
    explained,
    first_page,
    otherwise,
    table_of,
    until,
)
from tests.audit.test_explain import account_of


async def test_a_containment_that_was_lost_is_told_on_the_first_page_and_drawn() -> None:
    account = await account_of(LOST)
    ((step, loss),) = account.losses
    assert loss.again is not None
    assert loss.held_at is not None
    assert loss.again.at - loss.held_at > timedelta(seconds=1)
    assert first_page(account)["Did it work?"].endswith(
        " But Isolate the feedback endpoint was lost after it was proven, and proven again 1.1 s "
        "after it was last seen to hold."
    )
    metrics = metrics_of(account)
    assert metrics.counts["lost"] == 1
    facts = {fact.label: fact for fact in headline(account, metrics)}
    assert facts["contained, proven after"].value == "3.1 s; lost 1 time"
    assert facts["contained, proven after"].tone == "warn"
    assert ">lost</text>" in timeline(account, 20)[0]
    assert any("containment was lost (last seen to hold" in says for says in otherwise(account))
    assert step.first_proven is not None
    assert step.proof_took == step.first_proven.at - (step.commanded_at or account.opened_at)


async def test_a_containment_that_was_lost_for_good_is_no_containment() -> None:
    whole = await account_of(LOST)
    account = until(whole, whole.losses[0][1].entry.seq)
    assert account.contained is None
    assert (
        "Isolate the feedback endpoint: not proven any more" in first_page(account)["Did it work?"]
    )
    assert "and not proven again" in first_page(account)["Did it work?"]
    assert metrics_of(account).seconds["ttc"] is None


async def test_contained_does_not_count_the_wait_for_an_incident_that_fires_again() -> None:
    account = await account_of(AGAIN)
    first = [step for step in account.containing if step.round == 1]
    assert account.contained == max(s.proven.at for s in first if s.proven)
    told = first_page(account)
    assert "It fired again 1 time" in told["What happened?"]
    assert told["Did it work?"].startswith(
        "Yes. Both containing steps of the first round held 0.8 s"
    )
    assert "It fired again while closing: responding again." in otherwise(account)
    names = [
        row[0] for row in table_of(postmortem(account, []), "Effectiveness of containment").rows
    ]
    assert names[2:] == [f"{name} (round 2)" for name in names[:2]]


async def test_a_false_alarm_is_no_harm_and_its_proofs_are_not_those_of_taking_it_back() -> None:
    account = await account_of(FALSE)
    assert account.first_harm is None
    metrics = metrics_of(account)
    assert (metrics.seconds["mttd"], metrics.unknown["mttd"]) == (
        None,
        "it was judged a false alarm",
    )
    told = first_page(account)
    assert told["Did it work?"].startswith(
        "It was contained, then judged a false alarm and taken back."
    )
    assert "closed as a false alarm" in told["What happened?"]
    effective = explained(account)["effective"]
    assert effective.says.startswith("Of 2 containing steps the record leaves 2 undone.")
    shown = [p for p in effective.points if p.says.startswith("  shown by: ")]
    assert "a canary feedback from outside is refused" in shown[0].says
    undone = account.containing[0].undone
    assert undone is not None
    assert all(seq < undone.seq for point in shown for seq in point.entries)
    assert any("taken back and shown to be (judged a false alarm)" in s for s in otherwise(account))


async def test_what_leaves_for_others_begins_with_the_harm_and_says_where_there_was_none() -> None:
    account = await account_of(LOST)
    assert aiid.export(account)["draft"]["incident_date"] == "2026-11-20"
    assert atlas.export(account)["draft"]["incident-date"] == "2026-11-20"
    assert ocsf.export(account)[1]["severity"] == "Critical", "the alert's, not the incident's"
    alarm = await account_of(FALSE)
    assert ocsf.export(alarm)[0]["verdict"] == "False Positive"
    assert "People judged that there was no harm" in ocsf.export(alarm)[0]["desc"]
    assert aiid.export(alarm)["draft"]["incident_date"] == f"{alarm.opened_at:%Y-%m-%d}"


async def test_no_label_of_the_picture_lies_over_another_or_beyond_its_edge() -> None:
    for name, bars in (
        (BEFOREHAND, 30),
        (BEFOREHAND, 19),
        (LOST, 20),
        (FILED, 19),
        (BY_PEOPLE, 19),
    ):
        drawn = timeline(await account_of(name), bars)[0]
        labels = re.findall(
            r'<text x="([\d.]+)" y="(34|19)\.0" [^>]*text-anchor="(\w+)"[^>]*>([^<]+)<', drawn
        )
        assert {"opened", "closed"} <= {label[3] for label in labels}
        spans = []
        for x, y, anchor, says in labels:
            left = float(x) - (6.2 * len(says) if anchor == "end" else 0)
            spans.append((y, left, left + 6.2 * len(says)))
        for y, left, right in spans:
            assert right <= 800
            assert not [s for s in spans if s[0] == y and left < s[1] < right]


async def test_an_incident_that_was_closed_while_alerts_fired_says_so() -> None:
    says = (
        "It was closed while 1 of 1 alerts had not been called over, as was shown to who closed it."
    )
    assert says in otherwise(await account_of(LOST))


async def test_the_summary_of_an_exercise_is_no_sentence_about_a_real_incident() -> None:
    account = changed(
        await account_of(LOST), lambda e: {**e.data, "drill": True} if e.seq == 0 else None
    )
    for said in (ocsf.export(account)[0]["desc"], aiid.export(account)["draft"]["text"]):
        assert said.startswith("EXERCISE, no real incident: ")


async def test_a_staged_re_enabling_is_one_attempt() -> None:
    account = await account_of(LOST)
    step = account.steps["re-enable-the-feedback"]
    assert (len(step.begun), step.attempts) == (2, 1)
    assert not any("Re-enable" in says for says in otherwise(account))


async def test_a_guard_that_broke_and_a_no_are_told() -> None:
    said = otherwise(await account_of(BREACH))
    assert "Re-enable the feedback: Stage 1 %: the guard broke: disproven." in said
    assert "Re-enable the feedback took 2 attempts." in said
    assert "Retrain without the poison: not done, people said no." in said


async def test_what_was_done_by_hand_has_no_time_of_command() -> None:
    account = await account_of(BY_PEOPLE)
    metrics = metrics_of(account)
    assert metrics.seconds["commanded"] is None
    assert metrics.unknown["commanded"].startswith("not every containing step was done by an act")
    assert (
        "Isolate the feedback endpoint was done outside, as ml-on-call attested with no evidence; "
        "then proven like any other."
    ) in otherwise(account)


async def test_what_stands_at_the_end_is_not_what_was_opened_again_since() -> None:
    (stands,) = [
        s for s in board(await account_of(LOST), []).sections if s.title == "Where it stands"
    ]
    assert stands.bullets[0].startswith("Contained, before what is re-enabled beneath, proven (2)")


async def test_a_short_timeline_says_what_it_leaves_out_and_keeps_the_recovery() -> None:
    account = await account_of(FILED)
    (points,) = [s for s in board(account, []).sections if s.title == "What happened"]
    assert points.note.startswith("The weightiest 10 of ")
    assert points.table is not None
    assert any("Re-enable the assistant: proven" in row for row in points.table.rows)


async def test_a_run_that_was_terminated_says_so_and_by_whom() -> None:
    event = HistoryEvent(event_id=9, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
    event.workflow_execution_terminated_event_attributes.reason = "somebody wanted it gone"
    event.workflow_execution_terminated_event_attributes.identity = "1@host"
    event.event_time.FromSeconds(1)
    ending = Ending()
    assert list(ending.watch([event.SerializeToString(deterministic=True)]))
    says = (
        "the workflow was terminated by one who called themselves “1@host”, with the reason "
        "“somebody wanted it gone”"
    )
    assert ending.says == says
    account = until(await account_of(SILENT), 60, ending=says)
    assert first_page(account)["What happened?"].endswith(f"It was never closed: {says}.")
    assert f"It was never closed: {says}." in otherwise(account)
    assert any(says in point.says for point in explained(account)["complete"].concerns)
    facts = {fact.label: fact.value for fact in headline(account, metrics_of(account))}
    assert facts["ended"] == "cut off"
    assert ocsf.export(account)[0]["status"] == "In Progress"


async def test_keys_in_a_report_can_be_told_apart_and_not_read() -> None:
    text = Scrubber(await account_of(FILED)).text
    assert text("AKIAINSIDER1 and AKIASERVICE1") == "[key …DER1] and [key …ICE1]"


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0.04, "0.0 s"),
        (59.97, "1 min 0 s"),
        (119.6, "2 min 0 s"),
        (3599.7, "1 h 0 min"),
        (-5, "-5.0 s"),
    ],
)
def test_no_part_of_a_span_is_sixty(seconds: float, says: str) -> None:
    assert in_short(seconds) == says


def test_one_is_no_plural() -> None:
    assert [counted(1, "step"), counted(2, "step"), counted(1, "clock was", "clocks were")] == [
        "1 step",
        "2 steps",
        "1 clock was",
    ]
