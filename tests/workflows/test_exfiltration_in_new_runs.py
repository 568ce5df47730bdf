"""An exfiltration over many runs: each key, each mail and each determination once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.base import iso
from schemas.clocks.states import ClockState
from schemas.incident import Containment, Resolution
from tests.workflows.case import Case
from tests.workflows.conftest import working
from tests.workflows.counsel import Counsel
from tests.workflows.exfiltration_world import (
    OWN,
    PERSON,
    SUSPECT,
    ExfiltrationWorld,
    assistant_service,
    canary,
)
from tests.workflows.test_assistant_exfiltration import answer_until_scope
from tests.workflows.test_new_runs import runs

pytestmark = pytest.mark.temporal


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


@pytest.fixture
def client(impatient_temporal: WorkflowEnvironment) -> Client:
    return impatient_temporal.client


@pytest.fixture
async def queue(client: Client, world: ExfiltrationWorld) -> AsyncIterator[str]:
    async with working(client, world) as name:
        yield name


async def test_everything_happens_once_however_often_a_new_run_goes_on(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await Case.open(
        client,
        queue,
        canary(received_at=datetime.now(UTC)),
        playbook="assistant-exfiltration",
        of=assistant_service(regimes=("nis2-23-4a",)),
    )
    counsel = Counsel(case)
    aware = await counsel.aware_since_the_alert("nis2-23-4a")
    await case.approve("file-nis2-23-4a", "counsel", "dpo")
    await answer_until_scope(case)
    await counsel.determines("nis2-23-4a", "filed", iso(aware), reference="CSIRT 1")
    await counsel.until_state("nis2-23-4a", ClockState.FILED)
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.approve("complete-nis2-23-4a", "counsel", "dpo")
    await case.approve("bring-back-closed", "commander", "security-on-call")
    await case.approve("let-callers-in", "security-on-call", "service-owner")
    await case.approve("re-enable-assistant", "ciso", "counsel", "service-owner")
    await case.approve("board-report", "commander", "general-counsel")
    await case.approve("close-incident", "commander", "counsel")
    result = await case.result()
    assert (result.resolution, result.containment) == (Resolution.RESOLVED, Containment.PROVEN)
    assert await runs(case) > 5
    assert world.cloud == {PERSON: {"AKIAINSIDER1": False}, OWN: {"AKIANEW1": True}}
    assert world.blocked == {SUSPECT}
    assert world.online
    once = [deed for deed in world.deeds if deed.startswith(("create", "send", "block", "delete"))]
    assert len(once) == len(set(once)), once
    assert len(world.reports) == 1
