"""Destroying and re-enabling: people agree, silence holds, a breach closes again by itself."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.gate import Event
from schemas.incident import Containment, IncidentView, Resolution
from schemas.journal import Kind
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

DAY = timedelta(hours=24)
REENABLE = "re-enable-the-feedback"


async def at_the_gate(case: Case) -> None:
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.approve("retrain-without-poison", "data-owner", "ml-lead")
    await case.gate("re-enable-feedback")


async def a_day_passes(case: Case, gate: str, temporal: WorkflowEnvironment) -> IncidentView:
    """Nobody answers at the gate."""
    await case.gate(gate)
    await temporal.fast_forward(case.handle, DAY)
    return await case.until(
        lambda v: any(g.policy.id == gate and g.held for g in v.gates), f"{gate} is held"
    )


async def test_a_breach_closes_again_by_itself_shows_it_and_asks_anew(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await at_the_gate(case)
    world.breach = 7
    first = await case.gate("re-enable-feedback")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.until(
        lambda v: any(
            g.policy.id == "re-enable-feedback" and g.nonce != first.nonce for g in v.gates
        ),
        "asked anew",
    )
    assert world.isolated == {"feedback": 0}
    assert world.effects["admit 1"] == 1
    assert world.effects["admit 10"] == 0
    assert any(p.dedup_key.endswith(f"{REENABLE}-1") for p in world.page_requests)
    says = await case.says()
    closed = says.index("Closed again")
    assert any(
        e.kind is Kind.PROOF and e.step == REENABLE
        for e in (await case.journal())[closed - 3 : closed]
    )

    world.breach = 0
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert world.isolated == {}
    assert [world.effects[f"admit {p}"] for p in (1, 10, 50, 100)] == [2, 1, 1, 1]
    keys = world.keys["admit_cohort"]
    assert len(keys) == 5  # the second try does not pass for the first


async def test_a_guard_looks_only_at_what_came_in_since_its_stage_began(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.refuse.add("watch_alias")
    case = await Case.open(client, queue)
    await at_the_gate(case)
    await temporal.fast_forward(case.handle, timedelta(hours=3))
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.gate("close-incident")
    assert world.survey_windows
    assert max(world.survey_windows) < timedelta(minutes=5)


async def test_closing_again_is_tried_until_it_is_shown(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.refuse.add("watch_alias")
    case = await Case.open(client, queue)
    await at_the_gate(case)
    world.breach = 1
    world.refuse.add("isolate_endpoint")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.until(
        lambda _: any(p.dedup_key.endswith("-1-back") for p in world.page_requests), "paged"
    )
    assert world.isolated == {"feedback": 1}
    world.refuse.discard("isolate_endpoint")
    await temporal.fast_forward(case.handle, 60.0)
    await case.gate("re-enable-feedback")
    assert world.isolated == {"feedback": 0}


async def test_a_day_of_silence_destroys_nothing_and_reopens_nothing(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.refuse.add("watch_alias")
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    for gate, effect in (("rescore-decisions", "rescore"), ("retrain-without-poison", "retrain")):
        view = await a_day_passes(case, gate, temporal)
        assert world.effects[effect] == 0
        assert view.containment is Containment.PROVEN
        await case.approve(gate, *(await case.gate(gate)).policy.roles)
    await a_day_passes(case, "re-enable-feedback", temporal)
    assert world.isolated == {"feedback": 0}
    held = {
        e.data["gate"] for e in await case.kinds(Kind.GATE) if e.data.get("event") == Event.HELD
    }
    assert held >= {"rescore-decisions", "retrain-without-poison", "re-enable-feedback"}
    told = [p.role for p in world.page_requests if "Nobody answered, so it waits" in p.summary]
    assert {"data-owner", "ml-lead", "commander"} <= set(told)  # each role, not the first alone
    assert "deputy-commander" in {p.role for p in world.page_requests}


async def test_without_a_clean_model_the_feedback_reopens_and_retraining_stays_paused(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.decide_no("retrain-without-poison")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert world.isolated == {}
    assert world.paused
    assert world.effects["retrain"] == 0
    says = await case.says()
    assert "Retrain without the poison: not done, people said no" in says
    assert "Retrain without the poison: started" not in says


async def test_one_lead_alone_does_not_make_four_eyes(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.approve("retrain-without-poison", "ml-lead")
    await case.decide("retrain-without-poison", actor="one-ml-lead", role="data-owner")
    await case.until(lambda v: any(g.approvals == 1 for g in v.gates), "one approval")
    assert await case.refusals() == ["same-person"]
    assert world.effects["retrain"] == 0


async def test_a_restoration_that_is_not_shown_lifts_nothing(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await at_the_gate(case)
    world.lie.add("restore_endpoint")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.decide_no(f"retry-{REENABLE}")
    view = await case.step(REENABLE, StepState.SKIPPED)
    isolation = next(s for s in view.steps if s.id == "isolate-the-feedback-endpoint")
    assert isolation.state is StepState.PROVEN
    assert view.containment is not Containment.LIFTED


async def test_people_may_keep_the_feedback_closed(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await at_the_gate(case)
    await case.decide_no("re-enable-feedback")
    await case.approve("close-incident")
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert result.containment is Containment.PROVEN
    assert world.isolated == {"feedback": 0}


async def test_a_rejected_close_is_asked_again(client: Client, queue: str, world: World) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything(leave_open=True)
    first = await case.gate("close-incident")
    await case.decide_no("close-incident")
    await case.until(
        lambda v: any(g.policy.id == "close-incident" and g.nonce != first.nonce for g in v.gates),
        "asked anew",
    )
    await case.approve("close-incident")
    assert (await case.result()).resolution is Resolution.RESOLVED
