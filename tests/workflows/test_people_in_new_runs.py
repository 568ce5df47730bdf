"""People over many runs: who is excluded stays so, a review is owed, a severity stands."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Resolution, Severity
from tests.workflows.case import Case
from tests.workflows.conftest import working
from tests.workflows.roster import delegated, staffed
from tests.workflows.test_new_runs import runs, storm
from tests.workflows.test_people import RESCORE, glass
from tests.workflows.world import World

pytestmark = pytest.mark.temporal


@pytest.fixture
def client(impatient_temporal: WorkflowEnvironment) -> Client:
    return impatient_temporal.client


@pytest.fixture
async def queue(client: Client, world: World) -> AsyncIterator[str]:
    async with working(client, world) as name:
        yield name


async def test_what_people_said_is_carried_over(client: Client, queue: str, world: World) -> None:
    case = await Case.open(client, queue, of=staffed(delegated("m2", "o2", "data-owner")))
    await case.say("grade", "c1", "commander", facts={"protected_data_out": "yes"})
    await case.by("confirm-known-good", ml_on_call="o1")
    gate = await case.gate(RESCORE)
    await case.by(RESCORE, ml_lead="m2")
    await case.signal("break-glass", glass(gate.nonce))
    review = "review-break-glass-1"
    await case.gate(review)
    await case.say("suspect", "l1", "counsel", person="m2")
    await case.until(
        lambda v: all(g.approvals == 0 for g in v.gates if g.policy.id == RESCORE), "excluded"
    )
    await storm(case, "a")
    view = await case.view()
    assert view.severity is Severity.SEV1
    assert not {"m2", "o2"} & {s.person for g in view.gates for s in g.may_decide}
    await case.decide(RESCORE, actor="o2", role="break-glass")  # a suspect's delegate by now
    await case.by(RESCORE, service_owner="s1", ml_lead="m1")
    await case.by("retrain-without-poison", data_owner="d1", ml_lead="m1")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m1")
    await case.said("Not closing before break-glass is reviewed")
    await case.by(review, ciso="z1")
    await case.by("close-incident", commander="c1")
    result = await case.result()
    assert (result.resolution, result.severity) == (Resolution.RESOLVED, Severity.SEV1)
    assert await runs(case) > 3
    assert world.effects["rescore"] == 1
