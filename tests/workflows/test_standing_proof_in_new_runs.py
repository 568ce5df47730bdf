"""Looking again goes on in new runs, and so does what is done about a loss."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Containment, Resolution
from schemas.journal import verify_chain
from schemas.step import StepState
from tests.workflows.conftest import working
from tests.workflows.watched import ISOLATE, isolated, step_of, watched, wipe
from tests.workflows.world import World

pytestmark = pytest.mark.temporal


@pytest.fixture
def client(impatient_temporal: WorkflowEnvironment) -> Client:
    return impatient_temporal.client


@pytest.fixture
async def queue(client: Client, world: World) -> AsyncIterator[str]:
    async with working(client, world) as name:
        yield name


async def test_a_loss_in_a_later_run_is_acted_on_once_and_the_looks_go_on(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue, watched(stages=[100], stage_looks=1))
    await case.gate("confirm-known-good")
    segments = len(await case.ask("segments"))
    looks = world.calls["send_canary_feedback"]
    await case.until(lambda _: world.calls["send_canary_feedback"] > looks + 8, "looked at")
    assert len(await case.ask("segments")) > segments  # by nothing but looking
    wipe(world)
    await case.until(lambda v: step_of(v.steps).attempt == 2, "done again")
    held = step_of((await case.step(ISOLATE, StepState.PROVEN)).steps).held_at
    await case.until(lambda v: (step_of(v.steps).held_at or "") > (held or ""), "looked at again")
    await case.answer_everything()
    result = await case.result()
    entries = await case.whole_journal(world.journals)
    assert result.resolution is Resolution.RESOLVED
    assert verify_chain(entries) == result.journal_head
    says = [entry.says for entry in entries]
    assert sum("containment lost" in s for s in says) == 1
    assert says.count("Isolate the feedback endpoint: attempt 2") == 1
    assert world.effects["isolate"] == 2


async def test_what_was_lost_and_cannot_be_contained_waits_for_people_over_runs(
    client: Client, queue: str, world: World
) -> None:
    case = await isolated(client, queue)
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    world.lie.add("isolate_endpoint")
    wipe(world)
    gate = await case.gate(f"retry-{ISOLATE}")
    segments = len(await case.ask("segments"))
    while len(await case.ask("segments")) < segments + 2:
        await case.send()
        await case.until(lambda v: v.containment is Containment.UNPROVEN, "it stays lost")
    assert (await case.gate(f"retry-{ISOLATE}")).nonce == gate.nonce
    world.lie.clear()
    await case.approve(f"retry-{ISOLATE}")
    await case.step(ISOLATE, StepState.PROVEN)
    assert world.isolated == {"feedback": 0}
    assert {k.rsplit("/", 1)[1] for k in world.keys["isolate_endpoint"]} == {"1", "2", "3", "4"}
