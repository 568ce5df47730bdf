"""Somebody takes a page where it reached them: calling ends, and nothing else changes."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from hemostat.gateway.incident_signal import IncidentSignals
from schemas.gate import Choice
from schemas.incident import Containment
from schemas.journal import Kind
from schemas.page_answer import PageAnswer
from schemas.step import StepState
from tests.workflows.case import Case, decision
from tests.workflows.conftest import working
from tests.workflows.roster import staffed
from tests.workflows.voice import Voice, some_key
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE = "isolate-the-feedback-endpoint"
CONFIRM = "confirm-known-good"


def answer(case: Case, **said: Any) -> dict[str, Any]:
    """An acknowledgement of the first page."""
    known = {"answer_id": uuid.uuid4().hex, "via": "pagerduty", "what": "acknowledged"}
    return known | {"page": case.handle.id, "by": "PX1", "person": "o1"} | said


async def test_an_acknowledgement_in_the_pager_ends_the_calling(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.fail["compare_with_shadow"] = -1  # hold the response where it is
    case = await Case.open(client, queue, of=staffed())
    await case.gate("acknowledge")
    await case.signal("page-answer", answer(case))
    await case.said("Acknowledged in pagerduty: ml-on-call")
    await temporal.fast_forward(case.handle, timedelta(minutes=20))
    assert "acknowledge" not in {gate.policy.id for gate in (await case.view()).gates}
    pages = [p for p in world.page_requests if "acknowledge" in p.dedup_key]
    assert pages == []
    assert "acknowledge_page" not in world.calls  # told back to the pager it would go round
    (entry,) = [e for e in await case.kinds(Kind.PAGE) if "Acknowledged" in e.says]
    assert entry.data["person"] == "o1"
    assert entry.data["by"] == "PX1"


async def test_it_decides_nothing_and_that_role_is_not_called_again_about_that_gate(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("acknowledge", ml_on_call="o1")
    gate = await case.gate(CONFIRM)
    await temporal.fast_forward(case.handle, gate.policy.timer * 0.55)
    about = [page for page in world.page_requests if CONFIRM in page.dedup_key]
    first = next(page for page in about if page.role == "ml-on-call")
    await case.signal("page-answer", answer(case, page=first.dedup_key, person=None))
    await case.said("Acknowledged in pagerduty: ml-on-call")
    before = len(world.page_requests)
    await temporal.fast_forward(case.handle, gate.policy.timer * 0.4)
    await case.said("Not called again: ml-on-call is at it")
    later = [page for page in world.page_requests[before:] if CONFIRM in page.dedup_key]
    assert "ml-on-call" not in {page.role for page in later}
    view = await case.view()
    assert any(g.policy.id == CONFIRM and g.approvals == 0 for g in view.gates)


async def test_a_resolve_over_there_is_noted_and_lifts_nothing(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.step(ISOLATE, StepState.PROVEN)
    await case.signal("page-answer", answer(case, what="resolved"))
    await case.said("Resolved in pagerduty, which closes nothing here")
    view = await case.view()
    assert view.containment is Containment.PROVEN
    assert view.resolution is None
    assert "acknowledge" in {gate.policy.id for gate in view.gates}


async def test_what_is_said_twice_by_strangers_or_by_the_excluded_changes_nothing(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.gate("acknowledge")
    await case.say("suspect", "l1", "counsel", person="o1")
    await case.said("Someone takes no part")
    await case.signal("page-answer", answer(case))
    await case.signal("page-answer", answer(case, page="somebody-elses"))
    await case.signal("page-answer", {"what": "acknowledged", "<b>": 1})
    slack = {"via": "slack", "page": "", "gate": "acknowledge"}
    await case.signal("page-answer", answer(case, **slack, person="d1"))
    await case.signal("page-answer", answer(case, **slack, person=None))
    await case.until_journal(Kind.REFUSED, 5)
    refused = [e.data["refusal"] for e in await case.kinds(Kind.REFUSED)]
    assert refused == ["excluded", "not-yours", "malformed", "not-the-role", "not-the-role"]
    assert "acknowledge" in {gate.policy.id for gate in (await case.view()).gates}
    said = answer(case, **slack, person="c1", answer_id="a-click")  # the ladder's commander
    for _ in range(2):
        await case.signal("page-answer", said)
    await case.said("Acknowledged in slack: acknowledge")
    assert len(await case.kinds(Kind.REFUSED)) == 5
    assert sum("Acknowledged in slack" in s for s in await case.says()) == 1


async def test_what_was_taken_stays_taken_in_a_new_run(
    impatient_temporal: WorkflowEnvironment, world: World
) -> None:
    async with working(impatient_temporal.client, world) as queue:
        case = await Case.open(impatient_temporal.client, queue, of=staffed())
        await case.gate("acknowledge")
        await case.signal("page-answer", answer(case, answer_id="one"))
        await case.by("confirm-known-good", ml_on_call="o1")
        await case.gate("rescore-decisions")
        await case.signal("page-answer", answer(case, answer_id="one"))
        entries = await case.whole_journal(world.journals)
        assert sum("Acknowledged in pagerduty" in entry.says for entry in entries) == 1
        assert "acknowledge" not in {gate.policy.id for gate in (await case.view()).gates}


async def test_an_answer_that_the_gateway_did_not_send_keeps_nobody_asleep(
    client: Client, queue: str, world: World
) -> None:
    voice = Voice()
    case = await Case.open(client, queue, of=staffed(), voice=voice)
    await case.gate("acknowledge")
    run = (await case.view()).run_id
    passed_on = voice.passed_on(answer(case), case.handle.id, run)
    another = some_key(9, person="pagerduty")
    for forged in (
        answer(case),
        {**passed_on, "person": "c1"},
        voice.passed_on(answer(case), "another-incident", run),
        Voice(another).passed_on(answer(case), case.handle.id, run),
        {**answer(case), "statement": "hs1.e30.00"},
    ):
        await case.signal("page-answer", forged)
    await case.until_journal(Kind.REFUSED, 5)
    assert [e.data["because"] for e in await case.kinds(Kind.REFUSED)] == [
        "no-statement",
        "other-content",
        "other-incident",
        "unknown-key",
        "malformed-statement",
    ]
    assert "acknowledge" in {gate.policy.id for gate in (await case.view()).gates}
    await case.said("Paging security-on-call")
    gateway, said = IncidentSignals(queue, client), PageAnswer.model_validate(answer(case))
    assert await gateway.answer_running(case.handle.id, said, voice.key)
    assert not await gateway.answer_running("an-unknown-incident", said, voice.key)
    await case.said("Acknowledged in pagerduty: ml-on-call")
    (entry,) = [e for e in await case.kinds(Kind.PAGE) if "Acknowledged" in e.says]
    assert str(entry.data["statement"]).startswith("hs1.")


async def test_a_persons_proof_is_no_channels_and_a_channel_decides_nothing(
    client: Client, queue: str, world: World
) -> None:
    voice = Voice()
    case = await Case.open(client, queue, of=staffed(), voice=voice)
    gate = await case.gate("acknowledge")
    run = (await case.view()).run_id
    said = await case.signed(decision(gate, Choice.APPROVE, "o1", "ml-on-call"))
    await case.signal("page-answer", {**answer(case), "statement": said["statement"]})
    passed_on = voice.passed_on(answer(case), case.handle.id, run)
    await case.signal("decide", {**said, "statement": passed_on["statement"]})
    await case.until_journal(Kind.REFUSED, 2)
    assert [e.data["because"] for e in await case.kinds(Kind.REFUSED)] == ["other-signal"] * 2
