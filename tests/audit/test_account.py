"""What the record does not bear out is not told: one test for each way in which it might be."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.account.account import Account
from hemostat.audit.account.deviations import deviations_of
from hemostat.audit.account.ending import Ending
from hemostat.audit.account.record import Record
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.account.words import counted, in_short
from hemostat.audit.explain.answer import Answer
from hemostat.audit.explain.explanation import explain
from hemostat.audit.export_as import aiid, atlas, ocsf
from hemostat.audit.report.answers import answers, headline
from hemostat.audit.report.board import board
from hemostat.audit.report.document import Report, Table
from hemostat.audit.report.metrics import metrics_of
from hemostat.audit.report.picture import timeline
from hemostat.audit.report.postmortem import postmortem
from schemas.journal import Entry, Kind
from tests.audit.test_explain import account_of

LOST = "feedback-poisoning/lost_and_contained_again"
AGAIN = "feedback-poisoning/fires_again"
FALSE = "feedback-poisoning/false_alarm"
BY_PEOPLE = "feedback-poisoning/by_people"
SILENT = "feedback-poisoning/nobody_answers"
BREACH = "feedback-poisoning/breach"
FILED = "assistant-exfiltration/filed"
BEFOREHAND = "assistant-exfiltration/agreed_beforehand"


def first_page(account: Account) -> dict[str, str]:
    return {one.asked: one.says for one in answers(account)}


def explained(account: Account) -> dict[str, Answer]:
    return {answer.id: answer for answer in explain(account).answers}


def otherwise(account: Account) -> list[str]:
    return [deviation.says for deviation in deviations_of(account)]


def table_of(report: Report, title: str) -> Table:
    (table,) = [s.table for s in report.sections if s.title == title and s.table]
    return table


def changed(account: Account, change: Callable[[Entry], dict[str, Any] | None]) -> Account:
    entries = []
    for entry in account.record.entries:
        data = change(entry)
        entries.append(entry if data is None else entry.model_copy(update={"data": data}))
    return Account(Record("histories", entries))


def until(account: Account, seq: int, **more: Any) -> Account:
    return Account(Record("histories", account.record.entries[: seq + 1], **more))


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
    alarm = await account_of(FALSE)
    assert ocsf.export(alarm)[0]["verdict"] == "False Positive"
    assert "People judged that there was no harm" in ocsf.export(alarm)[0]["desc"]
    assert aiid.export(alarm)["draft"]["incident_date"] == f"{alarm.opened_at:%Y-%m-%d}"


async def test_a_judgement_that_it_was_a_false_alarm_is_among_the_decisions() -> None:
    account = await account_of(FALSE)
    rows = table_of(board(account, []), "Decisions by people").rows
    (row,) = [row for row in rows if row[0].startswith("Is this a false alarm?")]
    assert row[1:4] == ("commander, ml-lead", "approved", "-")
    denied = [point.says for point in explained(account)["negatives"].points]
    assert len([says for says in denied if "judged it a false alarm" in says]) == 2


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


async def test_what_was_asked_and_never_answered_is_told() -> None:
    account = await account_of(SILENT)
    assert "1 question was never answered (acknowledge)." in first_page(account)["Who decided?"]
    rows = table_of(postmortem(account, []), "Decisions by people").rows
    assert rows[0][1:4] == ("nobody", "never answered (escalated 2 times)", "-")
    assert any("though ml-secondary, commander were asked too" in s for s in otherwise(account))
    concerns = [point.says for point in explained(account)["silence"].concerns]
    assert any(says.startswith("acknowledge was never answered (withdrawn ") for says in concerns)
    assert metrics_of(account).counts["unanswered"] == 1


async def test_what_people_agreed_to_beforehand_is_no_silence() -> None:
    account = await account_of(BEFOREHAND)
    metrics = metrics_of(account)
    assert metrics.counts["silent"] == 1
    silence = explained(account)["silence"]
    assert "1 proceeded by silence (take-offline), none of which destroys" in silence.says
    assert "1 by what people had agreed beforehand (file-gdpr-33)" in silence.says
    rows = table_of(board(account, []), "Decisions by people").rows
    (row,) = [row for row in rows if row[2].startswith("as agreed beforehand")]
    assert row[1] == "counsel, dpo (beforehand)"


async def test_silence_that_let_something_grave_proceed_is_named_as_against_the_rule() -> None:
    account = await account_of(BEFOREHAND)

    def without(entry: Entry) -> dict[str, Any] | None:
        if entry.kind is not Kind.GATE or "pre_authorisation" not in entry.data:
            return None
        return {name: v for name, v in entry.data.items() if not name.startswith("pre_authori")}

    said = explained(changed(account, without))["silence"].says
    assert "AGAINST THE RULE some destroy, re-enable or leave the company (file-gdpr-33)" in said


async def test_a_filing_that_was_told_earlier_than_the_record_shows_it_sent_is_told() -> None:
    account = await account_of(BEFOREHAND)
    told = first_page(account)["Was the clock met?"]
    assert "sent 2 d 13 h after that, 10 h 48 min before it was due" in told
    clocks = explained(account)["clocks"]
    assert "  the record shows it sent 2 d 13 h AFTER the time of filing that was told" in [
        point.says for point in clocks.concerns
    ]
    assert any("reference DPA 4711" in point.says for point in clocks.points)


async def test_a_clock_is_told_with_the_moment_that_it_runs_from_and_who_selected_it() -> None:
    account = await account_of(FILED)
    points = [point.says for point in explained(account)["clocks"].points]
    assert any("it runs from 2026-11-22T09:01:00.000000Z, as counsel selected" in p for p in points)
    assert any("the extraction was confirmed" in p for p in points)
    rows = {row[0]: row for row in table_of(board(account, []), "Regulatory position").rows}
    assert rows["gdpr-33"][3] == "2026-11-22 09:01"
    assert rows["nis2-23-4a"][3:] == ("-", "-", "-"), "what does not apply falls due never"


async def test_what_was_sent_is_no_evidence_that_was_sealed() -> None:
    account = await account_of(FILED)
    assert (len(account.sealed), len(account.sent), len(account.missing)) == (3, 3, 1)
    assert metrics_of(account).shares["evidence"] == 0.75


async def test_a_determination_is_a_word_of_a_person() -> None:
    account = await account_of(FILED)
    assert account.acknowledged is not None
    assert account.acknowledged.kind is Kind.CLOCK
    beside = [point.says for point in explained(account)["approvals"].points]
    assert any("counsel determined awareness of gdpr-33 = 2026-11-22T09:01" in s for s in beside)


async def test_broken_glass_says_who_used_it_and_what_its_review_was() -> None:
    account = await account_of(BY_PEOPLE)
    (glass,) = [says for says in otherwise(account) if says.startswith("The glass")]
    assert glass.endswith("used for a decision; review: justified.")
    approvals = explained(account)["approvals"]
    assert "9 decisions by people counted at gates" in approvals.says, "breaking it decides nothing"
    assert any(
        "o2 broke the glass at rescore-decisions, until" in p.says for p in approvals.concerns
    )
    unreviewed = until(account, 90)
    (glass,) = [says for says in otherwise(unreviewed) if says.startswith("The glass")]
    assert glass.endswith("review: NOT REVIEWED.")


async def test_an_approval_names_the_digest_of_what_was_shown_and_who_else_could_have() -> None:
    account = await account_of(BY_PEOPLE)
    told = explained(account)
    gate = next(gate for gate in account.gates if gate.id == "confirm-known-good")
    assert gate.digest in told["approvals"].points[0].says
    assert (
        told["authority"]
        .points[0]
        .says.endswith(
            "2 could have decided then: o1 as ml-on-call (holder), c1 as commander (holder)"
        )
    )


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
