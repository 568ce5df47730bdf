"""The feedback-poisoning playbook, decision by decision, against a world that is ours to bend."""

import pytest
from temporalio.client import Client

from schemas.incident import Resolution
from schemas.journal import verify_chain
from tests.workflows.case import Case
from tests.workflows.world import World

pytestmark = pytest.mark.temporal


async def test_a_poisoned_loop_is_contained_proven_rolled_back_and_reopened(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything()
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
