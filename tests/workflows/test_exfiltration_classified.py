"""Who it was is determined by two people on evidence, and changes who is out and what HR is for."""

import pytest
from temporalio.client import Client

from schemas.gate import Choice
from schemas.journal import Kind
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.exfiltration_world import (
    INSIDER,
    PERSON,
    SUSPECT,
    ExfiltrationWorld,
    assistant_service,
    canary,
    report,
)
from tests.workflows.test_exfiltration_liability import opened, roster

pytestmark = pytest.mark.temporal

HUMAN, HIJACKED, STOLEN = (
    f"classify-{what}"
    for what in ("human-with-assistant", "assistant-hijacked", "stolen-credentials")
)


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


async def to_the_last_question(case: Case) -> None:
    """Two possibilities are ruled out."""
    for gate in (HUMAN, HIJACKED):
        await case.decide(gate, Choice.REJECT, actor="o1", role="security-on-call")


async def test_it_is_not_determined_until_two_people_say_so_on_what_they_are_shown(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await opened(client, queue)
    asked = await case.gate(HUMAN)
    assert asked.shown["suspects"] == [SUSPECT]
    assert asked.shown["takings"]
    await case.step(f"deny-older-sessions-of-{PERSON}", StepState.PROVEN)  # waited for nobody
    await case.approve(HUMAN, "commander")
    await case.gate("take-offline")
    assert not [s for s in await case.says() if s.startswith("Determined who it was")]
    await case.approve(HUMAN, "security-on-call")
    await case.said("Determined who it was: human-with-assistant")
    (told,) = [e for e in await case.kinds(Kind.FINDING) if "cause" in e.data]
    assert told.data["exhibit"] == asked.digest
    assert told.data["before"] == "not-determined"
    assert {who["role"] for who in told.data["by"]} == {  # type: ignore[index, call-overload, union-attr]  # JSON
        "commander",
        "security-on-call",
    }


async def test_stolen_credentials_are_no_matter_for_hr_and_their_owner_takes_part_again(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await opened(client, queue, roster=roster())
    await case.gate("hr-informed")
    await to_the_last_question(case)
    await case.by(STOLEN, deputy_commander="c2", security_on_call="o1")
    await case.said("Someone takes part in this incident again")
    assert "hr-informed" not in {gate.policy.id for gate in (await case.view()).gates}
    offline = await case.gate("take-offline")
    assert INSIDER in {standing.person for standing in offline.may_decide}
    assert world.blocked >= {SUSPECT}  # the key stays dead, whoever it belongs to
    await case.by("classify-anew", commander=INSIDER, security_on_call="o1")
    await case.by(HUMAN, commander=INSIDER, security_on_call="o1")
    await case.said("Determined who it was: human-with-assistant")
    offline = await case.gate("take-offline")
    assert INSIDER not in {standing.person for standing in offline.may_decide}


async def test_a_covert_case_that_was_no_person_of_ours_and_leaks_takes_the_other_branch(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await Case.open(
        client,
        queue,
        canary(evidence={"covert": 1.0, "canaries": 1.0}),
        report(covert=1.0),
        playbook="assistant-exfiltration",
        of=assistant_service(),
    )
    await case.gate("keep-scoped")
    await to_the_last_question(case)
    await case.approve(STOLEN, "commander", "security-on-call")
    await case.gate("take-offline")
    found = [entry.says for entry in await case.kinds(Kind.FINDING)]
    assert "Not a matter for HR: nobody of ours did it" in found
