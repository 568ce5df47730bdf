"""Known-good is chosen by lineage and by trial; the registry may be down, people may say no."""

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Containment
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ROLL_BACK = "roll-the-model-back"


async def test_the_previous_version_is_never_chosen_for_being_the_previous_one(
    client: Client, queue: str, world: World
) -> None:
    world.bad_versions = frozenset({"5"})  # version 4 would even pass the probes
    case = await Case.open(client, queue)
    gate = await case.gate("confirm-known-good")
    assert gate.shown["version"]["version"] == "3"  # type: ignore[index,call-overload]
    assert "try-version-4-in-isolation" not in {s.id for s in (await case.view()).steps}
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert world.alias == "3"


async def test_a_candidate_that_fails_its_probe_is_skipped(
    client: Client, queue: str, world: World
) -> None:
    world.bad_versions = frozenset({"3", "4", "5"})
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert world.alias == "2"


async def test_a_candidate_that_cannot_be_tried_does_not_end_the_response(
    client: Client, queue: str, world: World
) -> None:
    world.refuse.add("evaluate_candidate")
    case = await Case.open(client, queue)
    retry = "retry-try-version-3-in-isolation"
    view = await case.gate(retry)
    world.refuse.clear()
    await case.decide_no(view.policy.id)
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert world.alias == "2"


async def test_without_a_known_good_version_the_commander_is_paged_and_it_stays_isolated(
    client: Client, queue: str, world: World
) -> None:
    world.bad_versions = frozenset("12345")
    case = await Case.open(client, queue)
    await case.said("No known-good version to roll back to")
    view = await case.view()
    assert view.containment is Containment.PROVEN
    assert world.isolated == {"feedback": 0}
    assert world.alias == "5"
    assert ROLL_BACK not in {step.id for step in view.steps}
    await case.gate("rescore-decisions")  # and the response goes on


async def test_people_may_reject_a_choice_and_are_shown_the_next(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    first = await case.gate("confirm-known-good")
    await case.decide_no("confirm-known-good")
    await case.until(
        lambda v: any(
            g.nonce != first.nonce and g.policy.id == "confirm-known-good" for g in v.gates
        ),
        "the next choice",
    )
    second = await case.gate("confirm-known-good")
    assert second.shown["version"] != first.shown["version"]
    assert second.digest != first.digest
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert world.alias == "2"


async def test_nobody_answering_rolls_back_to_the_newest_that_passed(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case = await Case.open(client, queue)
    gate = await case.gate("confirm-known-good")
    await temporal.fast_forward(case.handle, gate.policy.timer)
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert world.alias == "3"


async def test_a_registry_that_is_down_for_a_while_delays_the_rollback_and_no_more(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.fail |= {"list_versions": -1, "read_alias": 2}
    case = await Case.open(client, queue)
    await case.until(lambda _: world.calls["list_versions"] >= 3, "it is asked for")
    await temporal.fast_forward(case.handle, 180.0)
    gate = await case.gate("retry-list-the-versions")
    assert world.isolated == {"feedback": 0}
    world.fail["list_versions"] = 1
    await temporal.fast_forward(case.handle, gate.policy.timer)
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert world.effects["move alias"] == 1


async def test_a_replica_that_keeps_the_old_model_disproves_the_rollback(
    client: Client, queue: str, world: World
) -> None:
    world.lie.add("reload_replicas")
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.gate(f"retry-{ROLL_BACK}")
    view = await case.view()
    assert world.alias == "3"  # the registry says so
    assert next(s for s in view.steps if s.id == ROLL_BACK).state is StepState.DISPROVEN
    assert view.containment is Containment.UNPROVEN
    world.lie.clear()
    await case.approve(f"retry-{ROLL_BACK}")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert set(world.loaded.values()) == {"3"}
