"""Something moves the alias back while the incident is open."""

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Containment, Resolution
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ROLL_BACK = "roll-the-model-back"


async def rolled_back(client: Client, queue: str) -> Case:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    return case


async def test_an_alias_moved_back_is_noticed_paged_put_back_and_proven_again(
    client: Client, queue: str, world: World
) -> None:
    case = await rolled_back(client, queue)
    world.someone_moves_the_alias("5")
    gate = await case.gate("put-alias-back")
    view = await case.view()
    assert view.containment is Containment.UNPROVEN
    assert gate.shown == {"found": "5", "expected": "3"}
    assert any("alias-moved" in page.dedup_key for page in world.page_requests)
    await case.approve("put-alias-back")
    await case.until(lambda v: v.containment is Containment.PROVEN, "proven again")
    assert world.alias == "3"
    assert set(world.loaded.values()) == {"3"}


async def test_it_is_put_back_when_nobody_answers_and_each_move_is_paged(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case = await rolled_back(client, queue)
    for _ in range(2):
        world.someone_moves_the_alias("5")
        gate = await case.gate("put-alias-back")
        await temporal.fast_forward(case.handle, gate.policy.timer)
        await case.until(lambda v: v.containment is Containment.PROVEN, "proven again")
        assert world.alias == "3"
    moved = {p.dedup_key for p in world.page_requests if "alias-moved" in p.dedup_key}
    assert len(moved) == 2


async def test_people_may_leave_the_alias_where_it_was_moved_and_nothing_counts_as_proven(
    client: Client, queue: str, world: World
) -> None:
    case = await rolled_back(client, queue)
    world.someone_moves_the_alias("2")
    await case.decide_no("put-alias-back")
    await case.answer_the_rest()
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert result.containment is Containment.UNPROVEN
    assert world.alias == "2"


async def test_a_deleted_alias_is_noticed_too(client: Client, queue: str, world: World) -> None:
    case = await rolled_back(client, queue)
    world.someone_moves_the_alias("")
    gate = await case.gate("put-alias-back")
    assert gate.shown["expected"] == "3"


async def test_a_watch_that_is_refused_is_paged_and_begun_again_and_the_incident_closes(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.refuse.add("watch_alias")
    case = await rolled_back(client, queue)
    await case.said("Watch: the alias stays: failed: SystemRefused")
    world.refuse.clear()
    await temporal.fast_forward(case.handle, 30.0)
    await case.until(lambda _: world.calls["watch_alias"] >= 2, "watched again")
    world.someone_moves_the_alias("5")
    await case.approve("put-alias-back")
    await case.until(lambda v: v.containment is Containment.PROVEN, "proven again")
    await case.answer_the_rest()
    assert (await case.result()).resolution is Resolution.RESOLVED
