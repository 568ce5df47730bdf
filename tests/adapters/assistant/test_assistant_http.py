"""The assistant's adapter against a real assistant over a real document store."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from activities.assistant_http import AssistantHttp
from hemostat.drill.range.exfiltration.confidential import left_in
from hemostat.drill.range.exfiltration.range import COLLEAGUES, SUSPECT, ExfiltrationRange
from hemostat.vault import Vault
from schemas.ports import assistant as ports
from tests.adapters.assistant.conftest import ask

pytestmark = pytest.mark.real

TURN = ports.TurnAssistant(incident="inc-1", key="k")
QUESTIONS = ("aurora pricing model details", "cobalt roadmap details")


async def test_offline_is_seen_at_its_own_door_and_taken_back(
    target: ExfiltrationRange, adapter: AssistantHttp
) -> None:
    assert (await adapter.read_assistant(ports.ReadAssistant())).online
    first = await adapter.take_offline(TURN)
    assert (first.online, first.changed) == (False, True)
    assert not (await adapter.read_assistant(ports.ReadAssistant())).online
    again = await adapter.take_offline(TURN)
    assert (again.online, again.changed) == (False, False)
    assert (await adapter.bring_online(TURN)).changed
    assert (await adapter.read_assistant(ports.ReadAssistant())).online


async def test_a_survey_counts_the_documents_in_answers_and_in_look_ups_by_caller(
    target: ExfiltrationRange, adapter: AssistantHttp
) -> None:
    answers = await ask(target, SUSPECT, *QUESTIONS)
    await ask(target, COLLEAGUES[1], "When are the office hours?")
    found = await adapter.survey_extraction(ports.SurveyExtraction(window=timedelta(hours=1)))
    documents, canaries = left_in(answers, target.documents)
    (use,) = [use for use in found.callers if use.caller == SUSPECT]
    assert (use.fingerprints, use.canaries) == (len(documents), len(canaries))
    assert found.documents == len(documents)
    assert use.retrieved >= use.fingerprints
    assert use.first_at <= use.last_at
    texts = found.model_dump_json()
    assert not any(answer in texts for answer in answers)


async def test_the_controls_make_the_same_prompts_harmless_and_harmless_ones_answered(
    target: ExfiltrationRange, adapter: AssistantHttp
) -> None:
    await ask(target, SUSPECT, *QUESTIONS)
    before = await adapter.replay_prompts(ports.ReplayPrompts(caller=SUSPECT))
    assert before.leaked > 0
    applied = await adapter.apply_controls(ports.ApplyControls(incident="inc-1", key="k"))
    assert (applied.own_permissions, applied.filters_output, applied.changed) == (True, True, True)
    after = await adapter.replay_prompts(ports.ReplayPrompts(caller=SUSPECT))
    assert (after.prompts, after.leaked, after.canaries) == (before.prompts, 0, 0)
    assert after.answered == 1.0
    again = await adapter.apply_controls(ports.ApplyControls(incident="inc-1", key="k"))
    assert not again.changed


async def test_a_replay_leaves_no_trace_in_the_log_that_it_reads(
    target: ExfiltrationRange, adapter: AssistantHttp
) -> None:
    await ask(target, SUSPECT, *QUESTIONS)
    day = ports.SurveyExtraction(window=timedelta(hours=24))
    before = await adapter.survey_extraction(day)
    await adapter.replay_prompts(ports.ReplayPrompts(caller=SUSPECT))
    await adapter.read_assistant(ports.ReadAssistant())
    assert (await adapter.survey_extraction(day)).prompts == before.prompts


async def test_each_incident_holds_the_log_by_itself(
    target: ExfiltrationRange, adapter: AssistantHttp
) -> None:
    for incident in ("inc-8", "inc-9"):
        held = await adapter.hold_logs(ports.HoldLogs(incident=incident, key="k"))
        assert held.changed
    again = await adapter.hold_logs(ports.HoldLogs(incident="inc-9", key="k"))
    assert not again.changed
    assert {"inc-8", "inc-9"} <= set((await adapter.read_assistant(ports.ReadAssistant())).holds)


async def test_it_takes_the_key_that_the_store_holds_now(
    target: ExfiltrationRange, adapter: AssistantHttp
) -> None:
    again = await adapter.reload_credentials(ports.ReloadCredentials(incident="inc-1", key="k"))
    assert (again.key_id, again.changed) == (target.service_key["access_key_id"], False)


async def test_what_is_sealed_can_be_read_and_what_is_missing_is_said(
    target: ExfiltrationRange, adapter: AssistantHttp, tmp_path: Path
) -> None:
    answers = await ask(target, SUSPECT, *QUESTIONS)
    sealed = await adapter.seal_assistant(ports.SealAssistant(incident="inc-1", key="k"))
    rows = json.loads(Vault(tmp_path / "vault").read(sealed.items[0].digest))
    assert set(answers) <= {row["answer"] for row in rows}
    assert {gap.name for gap in sealed.gaps} >= {"tool calls", "model provider's logs"}


async def test_a_healthy_assistant_passes_the_check_and_other_marks_do_not(
    target: ExfiltrationRange, adapter: AssistantHttp, tmp_path: Path
) -> None:
    assert await adapter.check() == []
    other = tmp_path / "marks.json"
    other.write_text("{}")
    changed = adapter.connection.model_copy(update={"marks": f"file:{other}"})
    wrong = AssistantHttp(changed, Vault(tmp_path / "vault"))
    (problem,) = await wrong.check()
    await wrong.aclose()
    assert "not those that were pinned" in problem
