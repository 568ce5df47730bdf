"""What shows that a key stays dead: its last use by the cloud's record, and one more look at the end."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from schemas.incident import Containment, Resolution
from schemas.journal import Kind
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.exfiltration_world import (
    OWN,
    PERSON,
    SUSPECT,
    ExfiltrationWorld,
    assistant_service,
    canary,
)
from tests.workflows.test_assistant_exfiltration import answer_the_rest, answer_until_scope
from tests.workflows.test_exfiltration_liability import answer_the_rest_but_closing
from tests.workflows.watched import step_of, watched

pytestmark = pytest.mark.temporal

INSIDERS = "watch-the-last-use-of-akiainsider1"
SERVICES = "watch-the-last-use-of-akiaservice1"


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


async def opened(client: Client, queue: str) -> Case:
    return await Case.open(
        client, queue, canary(), playbook="assistant-exfiltration", of=assistant_service()
    )


async def test_a_dead_keys_last_use_stands_still_or_the_record_says_that_it_cannot_tell(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await case.step(INSIDERS, StepState.PROVEN)
    await answer_until_scope(case)
    await case.step(SERVICES, StepState.UNPROVABLE)  # the cloud tells nothing of this one
    await case.said("AKIASERVICE1: when it was used last, the cloud's record cannot show")
    await answer_the_rest(case)
    result = await case.result()
    assert result.containment is Containment.PROVEN  # the refusals from outside were seen
    (board,) = world.reports
    assert f"AKIAINSIDER1 of {PERSON}: last used before it was put out of use" in board
    assert f"AKIASERVICE1 of {OWN}: when it was used last, the cloud's record cannot show" in board


async def test_a_key_that_is_used_after_its_end_is_not_contained_and_the_commander_is_paged(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.last_used["AKIAINSIDER1"] = datetime.now(UTC) + timedelta(hours=1)
    case = await opened(client, queue)
    await case.step(INSIDERS, StepState.DISPROVEN)
    await case.step(f"deactivate-akiainsider1-of-{PERSON}", StepState.DISPROVEN)
    await case.said("AKIAINSIDER1: USED AFTER it was put out of use")
    assert (await case.view()).containment is Containment.UNPROVEN
    await case.until(
        lambda _: any("USED AFTER" in page.summary for page in world.page_requests), "a page"
    )


async def test_before_the_end_a_suspects_key_is_shown_to_be_refused_and_blocked_anew_if_not(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    await answer_the_rest_but_closing(case)
    await case.gate("board-report")
    world.blocked.discard(SUSPECT)  # somebody took it off at the gateway
    await case.approve("board-report", "commander", "general-counsel")
    await case.approve("close-incident", "commander", "counsel")
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert world.blocked == {SUSPECT}
    assert result.containment is Containment.PROVEN
    found = [entry.says for entry in await case.kinds(Kind.FINDING)]
    assert (
        f"Block the key {SUSPECT}: not proven any more: it was not refused any more at the end"
        in (found)
    )
    assert any(says.startswith(f"The key {SUSPECT} stays refused") for says in found)


async def test_a_key_that_somebody_reactivates_is_put_out_of_use_again_and_nothing_else_is_lost(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await Case.open(
        client,
        queue,
        canary(),
        playbook="assistant-exfiltration",
        of=watched(assistant_service()),
    )
    await answer_until_scope(case)
    key = f"deactivate-akiainsider1-of-{PERSON}"
    await case.until(lambda v: step_of(v.steps, key).held_at is not None, "looked at again")
    world.cloud[PERSON]["AKIAINSIDER1"] = True
    await case.until(lambda v: step_of(v.steps, key).attempt == 2, "contained again")
    await case.step(key, StepState.PROVEN)
    assert not world.cloud[PERSON]["AKIAINSIDER1"]
    await answer_the_rest(case)
    assert (await case.result()).resolution is Resolution.RESOLVED
    lost = [e.step for e in await case.kinds(Kind.FINDING) if "containment lost" in e.says]
    assert lost == [key]
