"""An incident that goes on in new runs keeps its clocks, its counsel's word and its deadlines."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.base import iso
from schemas.clocks.states import ClockState
from schemas.incident import Resolution
from tests.workflows.case import Case, alert
from tests.workflows.counsel import Counsel, alert_now, under
from tests.workflows.world import World

pytestmark = pytest.mark.temporal


@pytest.fixture
def client(impatient_temporal: WorkflowEnvironment) -> Client:
    return impatient_temporal.client


async def storm(case: Case, archived: int, world: World) -> None:
    """Alerts that lengthen the history until a new run has begun."""
    while len(world.journals) == archived:
        for _ in range(20):
            await case.send(alert())


async def test_a_clock_outlives_the_runs_of_its_incident(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(
        client, queue, alert_now(), playbook="triage", of=under("nis2-23-4a", "aia-73-6-hold")
    )
    counsel = Counsel(case)
    aware = await counsel.aware_since_the_alert("nis2-23-4a")
    await counsel.until("nis2-23-4a", lambda r: bool(r.readings and r.readings.legal))
    twice = counsel.signed("aia-73-6-hold", "hold-released", "authority-informed")
    await case.signal("determine", twice)
    await counsel.until_state("aia-73-6-hold", ClockState.FILED)
    before = await counsel.row("nis2-23-4a")
    pages = world.effects["page"]

    await storm(case, 0, world)
    await storm(case, len(world.journals), world)
    assert await counsel.row("nis2-23-4a") == before
    assert before.due == aware + timedelta(hours=24)
    assert world.effects["page"] == pages
    assert world.calls["compute_due"] == 1
    await case.signal("determine", twice)
    await case.said("A determination changed nothing: duplicate")

    await case.approve("close")
    await case.said("Closing waits for counsel: nis2-23-4a (running)")
    await storm(case, len(world.journals), world)
    assert not (await case.view()).gates or all(
        gate.policy.id != "close" for gate in (await case.view()).gates
    )
    receipt = {"reference": "CSIRT 1"}
    await counsel.determines("nis2-23-4a", "filed", iso(aware + timedelta(seconds=1)), **receipt)
    assert (await case.result()).resolution is Resolution.TRIAGED
