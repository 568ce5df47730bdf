"""The feedback-poisoning playbook, decision by decision, against a world that is ours to bend."""

import pytest
from temporalio.client import Client

from schemas.incident import Containment, Resolution
from schemas.journal import Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.world import World

pytestmark = pytest.mark.temporal


async def answer_everything(case: Case) -> None:
    """The people of an undisturbed response."""
    await case.approve("acknowledge")
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions")
    await case.approve("retrain-without-poison", "data-owner", "ml-lead")
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")


async def test_a_poisoned_loop_is_contained_proven_rolled_back_and_reopened(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await answer_everything(case)
    result = await case.result()
    entries = await case.journal()
    assert result.resolution is Resolution.RESOLVED
    assert verify_chain(entries) == result.journal_head
    assert world.alias == "3"
    assert set(world.loaded.values()) == {"3"}
    assert "feedback" not in world.isolated
    assert not world.paused
    assert world.effects["isolate"] == 1
    assert set(world.pages.values()) == {"resolved"}
