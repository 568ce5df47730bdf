"""When it was not an attack: containment is taken back in reverse order, and that is proven."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.gate import Choice
from schemas.incident import Containment, Phase, Resolution, Severity
from schemas.journal import Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case, alert
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE, ROLL_BACK = "isolate-the-feedback-endpoint", "roll-the-model-back"


async def test_when_the_shadow_rises_too_the_world_changed_and_isolation_is_taken_back(
    client: Client, queue: str, world: World
) -> None:
    world.shadow_rises = True
    case = await Case.open(client, queue)
    result = await case.result()
    assert result.resolution is Resolution.BENIGN_CHANGE
    assert result.severity is Severity.SEV4
    assert result.containment is Containment.LIFTED
    assert world.isolated == {}
    assert not world.paused
    assert world.alias == "5"
    assert world.effects["move alias"] == 0
    assert world.deeds.index("resume") < world.deeds.index("restore")  # reverse of how it was done
    says = await case.says()
    assert "Undone and shown: Isolate the feedback endpoint" in says
    assert list(world.ticket_numbers) == [f"{case.handle.id}/drift"]
    assert verify_chain(await case.journal()) == result.journal_head


async def test_a_monitor_that_says_the_shadow_agrees_isolates_nothing(
    client: Client, queue: str, world: World
) -> None:
    world.shadow_rises = True
    case = await Case.open(client, queue, alert(shadow_agrees=1.0))
    result = await case.result()
    assert result.resolution is Resolution.BENIGN_CHANGE
    assert result.containment is Containment.NONE
    assert world.calls["isolate_endpoint"] == 0
    (ruling,) = await case.kinds(Kind.RULE)
    assert ruling.data["verdict"] == "do-not-isolate"
    assert ruling.data["inputs"] == {"rise": 0.55, "shadow_agrees": 1.0}


async def test_a_monitor_that_says_so_wrongly_is_not_believed_against_our_own_look(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, alert(shadow_agrees=1.0))
    await case.step(ISOLATE, StepState.PROVEN)
    verdicts = [entry.data["verdict"] for entry in await case.kinds(Kind.RULE)]
    assert verdicts == ["do-not-isolate", "act-now"]
    await case.answer_everything()
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert world.isolated == {}


async def test_two_people_judging_a_false_alarm_undo_everything_newest_first(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    await case.false_alarm()
    result = await case.result()
    assert result.resolution is Resolution.FALSE_ALARM
    assert result.containment is Containment.LIFTED
    assert world.alias == "5"
    assert set(world.loaded.values()) == {"5"}
    assert world.isolated == {}
    assert not world.paused
    assert world.deeds[-4:] == ["move alias", "reload", "resume", "restore"]
    undone = [e.says for e in await case.kinds(Kind.UNDO) if e.says.startswith("Undone and shown")]
    assert undone == [
        "Undone and shown: Roll the model back",
        "Undone and shown: Isolate the feedback endpoint",
    ]
    assert not any("alias-moved" in page.dedup_key for page in world.page_requests)
    assert set(world.pages.values()) == {"resolved"}
    gates = {
        g
        for e in await case.kinds(Kind.GATE)
        if e.data.get("outcome") == "withdrawn"
        for g in [e.data["gate"]]
    }
    assert "rescore-decisions" in gates


async def test_one_person_alone_cannot_judge_it_false(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.step(ISOLATE, StepState.PROVEN)
    await case.decide("false-alarm", actor="ada", role="commander")
    await case.decide("false-alarm", actor="ada", role="ml-lead")
    await case.decide("false-alarm", actor="bob", role="ml-on-call")
    await case.until(lambda v: v.journal_length > 0, "it goes on")
    await case.gate("confirm-known-good")
    assert await case.refusals() == ["same-person", "not-the-role"]
    assert world.isolated == {"feedback": 0}


async def test_a_rejected_false_alarm_may_be_judged_again(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    first = await case.gate("false-alarm")
    await case.decide("false-alarm", Choice.REJECT, role="commander")
    await case.until(
        lambda v: any(g.policy.id == "false-alarm" and g.nonce != first.nonce for g in v.gates),
        "asked anew",
    )
    await case.false_alarm()
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert world.isolated == {}


async def test_a_false_alarm_while_isolating_undoes_what_may_have_happened(
    client: Client, queue: str, world: World
) -> None:
    world.fail["pause_retraining"] = -1
    case = await Case.open(client, queue)
    await case.until(lambda _: world.calls["pause_retraining"] > 1, "isolation is under way")
    await case.false_alarm()
    result = await case.result()
    assert result.resolution is Resolution.FALSE_ALARM
    assert world.isolated == {}
    assert result.containment is Containment.LIFTED


async def test_an_act_that_answers_just_when_it_is_told_to_stop_does_not_carry_the_response_on(
    client: Client, queue: str, world: World
) -> None:
    world.stall["evaluate_candidate"] = asyncio.Event()
    case = await Case.open(client, queue)
    await case.until(lambda _: world.calls["evaluate_candidate"] > 0, "a trial is under way")
    await case.false_alarm()
    await case.said("Gate false-alarm: approved")
    world.stall["evaluate_candidate"].set()
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert world.isolated == {}
    asked = {e.data["gate"] for e in await case.kinds(Kind.GATE)}
    assert "confirm-known-good" not in asked


async def test_an_undo_that_does_not_succeed_is_paged_and_tried_until_it_does(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    world.lie.add("restore_endpoint")
    await case.false_alarm()
    await case.until(
        lambda _: any(p.dedup_key.endswith(f"undo-{ISOLATE}") for p in world.page_requests), "paged"
    )
    assert world.isolated == {"feedback": 0}
    assert (await case.view()).phase is not Phase.CLOSED
    world.lie.clear()
    await temporal.fast_forward(case.handle, 60.0)
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert world.isolated == {}
