"""A strict replay notices what Temporal's own replayer lets pass, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from hemostat.cli import run
from schemas.journal import Entry, verify_chain
from tests.audit.histories import Events, edit, events_of, first, packed, replayed
from tests.replay.record import HISTORIES
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

ROOT = Path(__file__).parents[2]
FILES = sorted(HISTORIES.rglob("*.json.gz"))
ACTIVITY = "activityTaskScheduledEventAttributes"


async def stock_accepts(events: Events) -> bool:
    replayer = Replayer(
        workflows=list(discover_playbooks().values()),
        workflow_runner=sandbox(),
        data_converter=pydantic_data_converter,
    )
    done = await replayer.replay_workflow(packed(events), raise_on_replay_failure=False)
    return done.replay_failure is None


async def test_untouched_histories_of_every_playbook_pass() -> None:
    runs = await replayed(*(packed(events_of(file)) for file in FILES))
    assert len(runs) == len(FILES)
    assert {run.run: run.partings for run in runs if not run.held} == {}
    assert {run.playbook for run in runs} == set(discover_playbooks())
    assert all(run.commands > 0 for run in runs)


async def test_the_journal_that_a_replay_writes_is_the_recorded_one() -> None:
    (run,) = await replayed(packed(events_of()))
    entries = [Entry.model_validate(entry) for entry in run.journal]
    head = verify_chain(entries)
    last = packed(events_of()).events[-1].workflow_execution_completed_event_attributes
    assert head.encode() in last.result.payloads[0].data
    assert len(entries) == run.entries == 111


async def test_an_edited_argument_is_named_in_the_words_of_the_playbook() -> None:
    events = events_of()
    at = first(events, ACTIVITY)
    edit(events[at][ACTIVITY]["input"]["payloads"][0], lambda r: {**r, "route": "checkout"})
    assert await stock_accepts(events)
    (run,) = await replayed(packed(events))
    (parting,) = run.partings
    assert parting.event == int(events[at]["eventId"])
    assert parting.step == "isolate-the-feedback-endpoint"
    assert "recorded isolate_endpoint(route=checkout" in parting.says
    assert "this version would ask isolate_endpoint(route=feedback" in parting.says


async def test_an_edited_activity_result_shows_in_what_follows() -> None:
    events = events_of()
    at = first(events, "activityTaskCompletedEventAttributes")
    payload = events[at]["activityTaskCompletedEventAttributes"]["result"]["payloads"][0]
    edit(payload, lambda r: {**r, "config_before": "sha256:" + "0" * 64})
    assert await stock_accepts(events)
    (run,) = await replayed(packed(events))
    assert not run.held
    assert "journal_head" in run.partings[-1].says


async def test_with_the_journal_an_edited_result_is_named_by_its_entry() -> None:
    (untouched,) = await replayed(packed(events_of()))
    events = events_of()
    at = first(events, "activityTaskCompletedEventAttributes")
    payload = events[at]["activityTaskCompletedEventAttributes"]["result"]["payloads"][0]
    edit(payload, lambda r: {**r, "config_before": "sha256:" + "0" * 64})
    (run,) = await replayed(packed(events), journal=untouched.journal)
    named = next(parting for parting in run.partings if parting.what == "journal")
    assert named.step == "isolate-the-feedback-endpoint"
    assert "data.config_before" in named.says
    assert untouched.journal[named.entry or 0]["kind"] == "effect"


async def test_an_edited_outcome_is_noticed() -> None:
    events = events_of()
    result = events[-1]["workflowExecutionCompletedEventAttributes"]["result"]["payloads"][0]
    edit(result, lambda r: {**r, "containment": "unproven"})
    assert await stock_accepts(events)
    (run,) = await replayed(packed(events))
    (parting,) = run.partings
    assert parting.says == "the outcome: containment: recorded unproven, now proven"


async def test_legal_clocks_are_those_that_the_run_comes_to() -> None:
    """They are what a worker answered at the close, and no event holds them."""
    history = packed(events_of(HISTORIES / "assistant-exfiltration" / "filed" / "01.json.gz"))
    (run,) = await replayed(history, clocks={})
    assert [parting.what for parting in run.partings] == ["clocks"]
    ledger = json.loads(json.dumps(run.clocks))
    (run,) = await replayed(history, clocks=ledger)
    assert run.held
    filed = next(row for row in ledger["clocks"] if row["filings"])
    filed["filings"][0]["at"] = "2026-01-01T00:00:00Z"
    (run,) = await replayed(history, clocks=ledger)
    (parting,) = run.partings
    said = f"legal clock {filed['id']}: `filings` is recorded otherwise than the run has it"
    assert parting.says == said
    ledger["clocks"].remove(filed)
    (run,) = await replayed(history, clocks=ledger)
    assert [parting.says for parting in run.partings] == ["the record has other legal clocks"]


async def test_an_edited_search_attribute_is_noticed() -> None:
    events = events_of()
    kind = "upsertWorkflowSearchAttributesEventAttributes"
    at = first(events, kind, lambda a: "HemostatSeverity" in a["searchAttributes"]["indexedFields"])
    edit(
        events[at][kind]["searchAttributes"]["indexedFields"]["HemostatSeverity"], lambda _: "SEV-4"
    )
    assert await stock_accepts(events)
    (run,) = await replayed(packed(events))
    (parting,) = run.partings
    assert parting.what == "search attributes: HemostatSeverity"
    assert (parting.recorded, parting.now) == ("SEV-4", "SEV-2")


async def test_an_edited_timer_is_noticed() -> None:
    events = events_of()
    at = first(events, "timerStartedEventAttributes")
    events[at]["timerStartedEventAttributes"]["startToFireTimeout"] = "1s"
    (run,) = await replayed(packed(events))
    (parting,) = run.partings
    assert "recorded 1, this version would" in parting.says or "recorded 1, now 300" in parting.says


async def test_a_dropped_step_is_noticed_at_its_place() -> None:
    events = events_of()
    at = first(events, ACTIVITY)
    scheduled = events[at]["eventId"]
    kept = [e for e in events if e["eventId"] != scheduled and _schedule(e) != scheduled]
    for number, event in enumerate(kept, 1):
        event["eventId"] = str(number)
    (run,) = await replayed(packed(kept))
    assert any("isolate_endpoint" in parting.says for parting in run.partings), run.partings


def _schedule(event: dict[str, Any]) -> str | None:
    for name in ("activityTaskStartedEventAttributes", "activityTaskCompletedEventAttributes"):
        if name in event:
            scheduled: str = event[name]["scheduledEventId"]
            return scheduled
    return None


async def test_a_run_that_began_with_something_else_than_was_handed_on_is_noticed() -> None:
    folder = HISTORIES / "feedback-poisoning" / "false_alarm_in_many_runs"
    one, two = (events_of(file) for file in sorted(folder.iterdir())[:2])
    begun = two[0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0]
    edit(begun, lambda r: {**r, "drill": True})
    _, run = await replayed(packed(one), packed(two))
    assert run.partings[0].says == "this run did not begin with what the run before it handed on"


@pytest.mark.parametrize("code", ["recorded", "another"])
async def test_a_field_that_a_newer_version_hands_on_is_a_note_and_no_parting(code: str) -> None:
    folder = HISTORIES / "feedback-poisoning" / "by_people_in_many_runs"
    events = events_of(min(folder.iterdir()))
    handed = events[-1]["workflowExecutionContinuedAsNewEventAttributes"]["input"]["payloads"][0]
    edit(handed, _without_heard)
    (run,) = await replayed(packed(events), exact=code == "recorded")
    assert run.held is (code == "another")


def _without_heard(opening: Any) -> Any:
    opening["carried"]["state"]["intake"].pop("count", None)
    return opening


def test_the_command_replays_a_folder_and_a_checkout_of_the_recorded_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = HISTORIES / "triage" / "closed"
    assert run(["audit", "replay", str(folder), "--code", str(ROOT), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["held"] is True
    assert [*said["against"]] == ["today", "recorded version"]
    assert said["against"]["today"] == said["against"]["recorded version"]


def test_the_command_says_what_it_was_not_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "replay", str(tmp_path)]) == 2
    assert "this folder holds no history" in capsys.readouterr().err
    (tmp_path / "01.json").write_text('{"events": []}')
    assert run(["audit", "replay", str(tmp_path)]) == 2
    assert "this is no history of a workflow" in capsys.readouterr().err
    assert run(["audit", "replay", str(HISTORIES / "triage/held"), "--code", str(tmp_path)]) == 2
    assert "no checkout of Hemostat" in capsys.readouterr().err
