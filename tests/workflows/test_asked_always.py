"""Where the rule says to ask always, a containment that was lost is not done again by itself."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from schemas.gate import OnSilence
from schemas.incident import Containment, GateOverride
from schemas.step import StepState
from tests.workflows.case import Case, service
from tests.workflows.lasting import LastsForADay
from tests.workflows.watched import ISOLATE, step_of, watched, wipe
from tests.workflows.world import World
from workers.interceptors import FailuresInOurWords
from workers.sandbox import sandbox

pytestmark = pytest.mark.temporal

AGAIN = f"again-{ISOLATE}"
SOON = {AGAIN: GateOverride(timer=timedelta(milliseconds=200))}


@pytest.fixture
async def queue(client: Client, world: World) -> AsyncIterator[str]:
    name = f"q-{uuid.uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=name,
        workflows=[LastsForADay],
        activities=world.activities(),
        workflow_runner=sandbox(),
        interceptors=[FailuresInOurWords()],
        debug_mode=True,
    ):
        yield name


async def contained_as_asked(client: Client, queue: str, world: World, **gates: Any) -> Case:
    """Contained by agreement, looked at again, and then gone."""
    case = await Case.open(client, queue, of=watched(service(**gates)))
    gate = await case.gate("may-contain")
    assert gate.policy.on_silence is OnSilence.HOLD
    assert world.isolated == {}
    await case.approve("may-contain")
    await case.until(lambda view: step_of(view.steps).held_at is not None, "looked at again")
    wipe(world)
    return case


async def test_the_first_loss_already_asks_and_silence_does_not_act(
    client: Client, queue: str, world: World
) -> None:
    case = await contained_as_asked(client, queue, world, gates=SOON)
    gate = await case.gate(AGAIN)
    assert gate.policy.on_silence is OnSilence.HOLD
    assert gate.shown["losses"] == 1
    view = await case.until(
        lambda v: any(g.policy.id == AGAIN and g.held for g in v.gates), "its time has passed"
    )
    assert view.containment is Containment.UNPROVEN
    assert (world.isolated, world.effects["isolate"]) == ({}, 1)
    assert any("containment was lost" in page.summary for page in world.page_requests)
    await case.approve(AGAIN)
    view = await case.step(ISOLATE, StepState.PROVEN)
    assert step_of(view.steps).attempt == 2
    assert world.isolated == {"feedback": 0}


async def test_a_no_leaves_it_as_it_is_says_so_and_the_response_goes_on(
    client: Client, queue: str, world: World
) -> None:
    case = await contained_as_asked(client, queue, world)
    await case.decide_no(AGAIN)
    await case.said("Isolate the feedback endpoint: left as it is, people said no")
    view = await case.view()
    assert step_of(view.steps).state is StepState.DISPROVEN
    assert view.containment is Containment.UNPROVEN
    assert world.effects["isolate"] == 1
    await case.approve("confirm-known-good")
    await case.step("roll-the-model-back", StepState.PROVEN)


async def test_each_further_loss_asks_anew(client: Client, queue: str, world: World) -> None:
    case = await contained_as_asked(client, queue, world)
    first = await case.gate(AGAIN)
    await case.approve(AGAIN)
    await case.step(ISOLATE, StepState.PROVEN)
    wipe(world)
    second = await case.asked_anew(first)
    assert (second.shown["losses"], world.isolated) == (2, {})
