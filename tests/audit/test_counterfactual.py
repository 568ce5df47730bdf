"""With the recorded inputs, what another version would have gone on to do."""

import json
import shutil
from pathlib import Path

import pytest
from temporalio.worker import UnsandboxedWorkflowRunner

from hemostat.audit.replay.counterfactual import WhatIf
from hemostat.audit.replay.strict import replay
from hemostat.cli import run
from tests.audit.histories import RESOLVED, edit, events_of, first, packed
from tests.replay import variations
from tests.replay.record import HISTORIES


async def against(changed: type, file: Path = RESOLVED) -> WhatIf:
    histories, runner = [packed(events_of(file))], UnsandboxedWorkflowRunner()
    runs = replay(histories, [changed], runner, counterfactual=True)
    (only,) = [run_ async for run_ in runs]
    assert not only.held
    assert only.what_if is not None
    return only.what_if


async def test_a_playbook_that_seals_nothing_leaves_out_exactly_the_sealing() -> None:
    derived = await against(variations.SealsNothing)
    gone = {change[2:].partition("(")[0] for change in derived.changes if change[0] == "-"}
    sealing = {"seal_edge", "seal_registry", "seal_serving", "seal_probes", "verify_evidence"}
    assert {f"step seal-the-evidence: {name}" for name in sealing} <= gone
    assert derived.result is not None
    assert derived.result["resolution"] == "resolved"
    assert derived.stops == ""


async def test_a_playbook_that_looks_first_contains_later_and_comes_to_the_same_end() -> None:
    derived = await against(variations.InvestigatesFirst)
    names = [act.partition(": ")[2].partition("(")[0] for act in derived.would]
    recorded = [act.partition(": ")[2].partition("(")[0] for act in derived.recorded]
    assert names.index("compare_with_shadow") < names.index("isolate_endpoint")
    assert recorded.index("compare_with_shadow") > recorded.index("isolate_endpoint")
    assert sorted(names) == sorted(recorded)
    assert derived.otherwise == {}
    assert derived.stops == ""


async def test_what_people_said_and_would_not_have_been_asked_is_told() -> None:
    derived = await against(variations.CallsNobody)
    assert derived.unheard == ("decide at acknowledge",)
    assert not any("page(" in act for act in derived.would[:5])


async def test_an_answer_that_the_record_does_not_have_is_not_made_up() -> None:
    events = events_of()
    kind = "activityTaskCompletedEventAttributes"
    scheduled = "activityTaskScheduledEventAttributes"
    rollback = first(events, scheduled, lambda a: a["activityType"]["name"] == "move_alias")
    cut = events[: rollback + 2]  # the record ends before the rollback was answered
    assert kind not in cut[-1]
    histories, runner = [packed(cut)], UnsandboxedWorkflowRunner()
    runs = replay(histories, [variations.SealsNothing], runner, counterfactual=True)
    (only,) = [run_ async for run_ in runs]
    assert only.what_if is not None
    assert only.what_if.result is None
    assert "the record has no answer to" in only.what_if.stops
    assert "move_alias" in only.what_if.stops


def test_regress_replays_all_in_parallel_and_exits_by_what_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("triage/closed", "triage/held", "feedback-poisoning/benign_change"):
        shutil.copytree(HISTORIES / name, tmp_path / name)
    assert run(["audit", "regress", str(tmp_path), "--processes", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["summary"]["incidents"] == told["summary"]["held"] == 3
    events = events_of(HISTORIES / "triage" / "held" / "01.json.gz")
    at = first(events, "activityTaskScheduledEventAttributes")
    given = events[at]["activityTaskScheduledEventAttributes"]["input"]["payloads"][0]
    edit(given, lambda request: {**request, "role": "nobody"})
    (tmp_path / "forged").mkdir()
    (tmp_path / "forged" / "01.json").write_text(json.dumps({"events": events}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "01.json").write_text("{")
    assert run(["audit", "regress", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "recorded page(role=nobody" in said
    assert "this is no history of a workflow" in said
    assert "NOT HELD: 3 of 5 incidents" in said
