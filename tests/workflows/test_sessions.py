"""An insider's sessions at the identity provider: ended, and shown to be, or nobody says so."""

import pytest
from temporalio.client import Client

from schemas.incident import Containment
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.exfiltration_world import (
    PEERS,
    SUSPECT,
    ExfiltrationWorld,
    assistant_service,
    canary,
)

pytestmark = pytest.mark.temporal

END = f"end-the-sessions-of-{SUSPECT}"


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


async def opened(client: Client, queue: str) -> Case:
    service = assistant_service(sessions=[SUSPECT, *PEERS])
    return await Case.open(client, queue, canary(), playbook="assistant-exfiltration", of=service)


async def test_the_suspects_sessions_end_with_a_proof_and_nobody_elses_do(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await case.step(END, StepState.PROVEN)
    await case.gate("take-offline")
    assert world.signed_in == set(PEERS)


@pytest.mark.parametrize("why", ["the provider only says so", "no session is known to try"])
async def test_sessions_that_are_not_seen_to_end_are_never_called_contained(
    client: Client, queue: str, world: ExfiltrationWorld, why: str
) -> None:
    if why.startswith("no"):
        world.no_witness.add(SUSPECT)
    else:
        world.lie.add("end_sessions")
    case = await opened(client, queue)
    await case.gate(f"retry-{END}")
    assert (await case.view()).containment is Containment.UNPROVEN
