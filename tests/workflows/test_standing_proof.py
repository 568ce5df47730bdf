"""What was contained is looked at again while it stands: a loss is seen, paged and undone."""

import asyncio

import pytest
from temporalio.client import Client

from schemas.incident import Containment, Resolution
from schemas.journal import Entry, Kind
from schemas.standing_proof import LOOK_TOGETHER
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.roster import staffed
from tests.workflows.watched import isolated, step_of, watched, wipe
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE, ROLL_BACK = "isolate-the-feedback-endpoint", "roll-the-model-back"


async def lost(case: Case) -> list[Entry]:
    return [e for e in await case.kinds(Kind.FINDING) if "containment lost" in e.says]


async def contained_after_a_loss(case: Case, world: World) -> None:
    attempt = step_of((await case.view()).steps).attempt
    wipe(world)
    await case.until(lambda v: step_of(v.steps).attempt > attempt, "done again")
    await case.step(ISOLATE, StepState.PROVEN)


async def test_a_containment_that_slips_is_seen_paged_done_again_and_proven(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    isolate = asyncio.Event()
    world.stall["isolate_endpoint"] = isolate  # so that the moment of the loss can be seen
    wipe(world)
    await case.said("Isolate the feedback endpoint: not proven any more: containment lost")
    view = await case.view()
    assert view.containment in (Containment.UNPROVEN, Containment.COMMANDED)
    assert step_of(view.steps).state is not StepState.PROVEN
    isolate.set()
    view = await case.until(lambda v: v.containment is Containment.PROVEN, "proven again")
    assert world.isolated == {"feedback": 0}
    assert step_of(view.steps).attempt == 2
    assert {k.rsplit("/", 1)[1] for k in world.keys["isolate_endpoint"]} == {"1", "2"}
    assert world.effects["isolate"] == 2
    (entry,) = await lost(case)
    assert entry.data["lost"] == 1
    assert entry.data["looks"]
    assert "a canary feedback from outside is refused" in entry.says
    assert any(f"lost-{ISOLATE}-1" in page.dedup_key for page in world.page_requests)


async def test_looks_that_hold_leave_no_entry_and_the_last_of_them_is_shown(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.gate("confirm-known-good")
    before, calls = await case.view(), world.calls["send_canary_feedback"]
    await case.until(lambda _: world.calls["send_canary_feedback"] > calls + 5, "looked at")
    after = await case.view()
    assert after.journal_length == before.journal_length
    assert str(step_of(after.steps).held_at) > str(step_of(before.steps).held_at)


async def test_a_round_of_looks_at_all_that_stands_is_one_act(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.approve("confirm-known-good")
    await case.until(
        lambda view: step_of(view.steps, ROLL_BACK).held_at is not None, "both are looked at"
    )
    history = await case.handle.fetch_history()
    names = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert LOOK_TOGETHER in names[-3:]
    assert world.isolated == {"feedback": 0}


async def test_one_look_that_does_not_hold_is_no_loss(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue, watched(look_every=0.3))
    wipe(world)
    await case.said("look again 1 of 3: disproven: not shown")
    world.isolated["feedback"] = 0
    await case.said("Looked again: Isolate the feedback endpoint: holds")
    assert not await lost(case)
    assert world.calls["isolate_endpoint"] == 1


async def test_each_loss_is_acted_on_and_after_the_third_people_are_asked(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    for _ in range(3):
        await contained_after_a_loss(case, world)
    wipe(world)
    gate = await case.gate(f"again-{ISOLATE}")
    assert gate.shown["losses"] == 4
    assert world.isolated == {}
    assert (await case.view()).containment is Containment.UNPROVEN
    await case.approve(f"again-{ISOLATE}")
    await case.step(ISOLATE, StepState.PROVEN)
    assert world.isolated == {"feedback": 0}


async def test_what_does_not_hold_while_people_reopen_it_is_no_loss(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue, watched(stages=[1, 100], stage_looks=8))
    await case.answer_everything()
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert result.containment is Containment.PROVEN  # the rollback stays
    assert not await lost(case)
    assert world.effects["isolate"] == 1
    assert world.isolated == {}
    assert any(says.startswith("Stood: Isolate the feedback") for says in await case.says())


async def test_what_was_closed_again_after_a_breach_is_looked_at_again(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.decide_no("retrain-without-poison")
    world.breach = 3
    first = await case.gate("re-enable-feedback")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.asked_anew(first)
    assert not await lost(case)
    wipe(world)
    await case.said("Isolate the feedback endpoint: not proven any more: containment lost")
    await case.step(ISOLATE, StepState.PROVEN)
    assert world.isolated == {"feedback": 0}


async def test_a_reopening_that_is_agreed_to_during_a_loss_waits_until_it_is_contained_again(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.approve("retrain-without-poison", "data-owner", "ml-lead")
    await case.gate("re-enable-feedback")
    again = world.stall["isolate_endpoint"] = asyncio.Event()
    wipe(world)
    await case.said("Isolate the feedback endpoint: not proven any more: containment lost")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.until(lambda v: not any("re-enable" in g.policy.id for g in v.gates), "agreed")
    assert world.calls["admit_cohort"] == 0
    again.set()
    await case.approve("close-incident")
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert world.deeds.index("admit 1") > max(
        n for n, deed in enumerate(world.deeds) if deed == "isolate"
    )


async def test_what_cannot_be_looked_at_is_said_and_paged_and_not_called_lost(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue, watched(unseen_for=0.2))
    world.fail["probe_predictions"] = -1
    await case.said("cannot be looked at again")
    view = await case.view()
    assert step_of(view.steps).state is StepState.PROVEN
    assert step_of(view.steps).unseen_since is not None
    assert not await lost(case)
    assert any(f"unseen-{ISOLATE}-1" in page.dedup_key for page in world.page_requests)
    world.fail.clear()
    await case.said("Looked again: Isolate the feedback endpoint: holds")
    view = await case.view()
    assert step_of(view.steps).unseen_since is None
    assert world.calls["isolate_endpoint"] == 1


async def test_a_false_alarm_ends_the_looks_before_it_undoes(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    await case.false_alarm()
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert world.isolated == {}
    assert not await lost(case)
    assert world.effects["isolate"] == 1


async def test_an_incident_does_not_close_while_what_was_lost_is_not_contained_again(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.approve("retrain-without-poison", "data-owner", "ml-lead")
    await case.decide_no("re-enable-feedback")  # it stays isolated
    await case.gate("close-incident")
    again = world.stall["isolate_endpoint"] = asyncio.Event()
    wipe(world)
    await case.said("Isolate the feedback endpoint: not proven any more: containment lost")
    await case.approve("close-incident")
    again.set()
    result = await case.result()
    assert result.containment is Containment.PROVEN
    assert world.isolated == {"feedback": 0}
    looks = world.calls["send_canary_feedback"]
    await asyncio.sleep(0.3)
    assert world.calls["send_canary_feedback"] == looks


async def test_a_loss_makes_the_incident_as_grave_as_one_that_is_not_contained(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue, watched(staffed()))
    wipe(world)
    await case.said("Isolate the feedback endpoint: not proven any more: containment lost")
    await case.said("Assessed: ")
    await case.step(ISOLATE, StepState.PROVEN)


async def test_an_incident_of_before_is_not_looked_at_again(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    looks = world.calls["send_canary_feedback"]
    wipe(world)
    await asyncio.sleep(0.3)
    assert world.calls["send_canary_feedback"] == looks
    assert step_of((await case.view()).steps).held_at is None
