"""The assistant-exfiltration playbook, decision by decision, against a world that is ours to bend."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from schemas.alert import Alert
from schemas.gate import Choice
from schemas.incident import Containment, GateOverride, Resolution, Severity
from schemas.journal import Kind, verify_chain
from schemas.step import StepClass, StepState
from tests.workflows.case import Case
from tests.workflows.exfiltration_world import (
    OWN,
    PEERS,
    PERSON,
    SUSPECT,
    ExfiltrationWorld,
    assistant_service,
    canary,
    report,
)
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

pytestmark = pytest.mark.temporal


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


async def opened(client: Client, queue: str, *alerts: Alert, **gates: GateOverride) -> Case:
    return await Case.open(
        client,
        queue,
        *(alerts or (canary(),)),
        playbook="assistant-exfiltration",
        of=assistant_service({name.replace("_", "-"): over for name, over in gates.items()}),
    )


async def answer_until_scope(case: Case) -> None:
    await case.approve("take-command")
    await case.approve("counsel-informed")
    await case.approve("hr-informed")
    await case.approve("take-offline")
    await case.approve("rotate-credential", "security-on-call", "service-owner")
    await case.approve("delete-key", "security-on-call", "counsel")


async def answer_the_rest(case: Case, *, reopen: bool = True) -> None:
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    if reopen:
        await case.approve("bring-back-closed", "commander", "security-on-call")
        await case.approve("let-callers-in", "security-on-call", "service-owner")
        await case.approve("re-enable-assistant", "ciso", "counsel", "service-owner")
    await case.approve("board-report", "commander", "general-counsel")
    await case.approve("close-incident", "commander", "counsel")


async def test_a_leak_is_contained_key_by_key_rotated_told_and_reopened(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue, canary(), report(disclosed=1.0))
    await answer_until_scope(case)
    await answer_the_rest(case)
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert result.severity is Severity.SEV1
    assert result.containment is Containment.PROVEN
    assert result.alerts == 2
    assert verify_chain(await case.journal()) == result.journal_head
    assert world.blocked == {SUSPECT}
    assert world.cloud == {PERSON: {"AKIAINSIDER1": False}, OWN: {"AKIANEW1": True}}
    assert set(world.denied) == {PERSON, OWN}
    assert world.in_use == "AKIANEW1"
    assert world.online
    assert "assistant" not in world.isolated
    assert world.tight
    assert set(world.sent) == {"statement/researcher"}
    assert world.ended == {"wiki"}
    assert world.holds == {case.handle.id}
    assert len(world.reports) == 1


async def test_every_credential_has_its_own_proof_and_row(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    await case.gate("state-researcher")
    steps = {step.title: step for step in (await case.view()).steps}
    contained = {t for t, s in steps.items() if s.step_class is StepClass.CONTAIN}
    assert contained == {
        f"Block the key {SUSPECT}",
        *(f"Block the key {peer}" for peer in PEERS),
        "End the access of wiki",
        f"Deactivate AKIAINSIDER1 of {PERSON}",
        f"Deny older sessions of {PERSON}",
        "Close the assistant's route",
        "Take the assistant offline",
        f"Deactivate AKIASERVICE1 of {OWN}",
        f"Deny older sessions of {OWN}",
        "Cut over to AKIANEW1",
        f"Retire the older keys of {OWN}",
    }
    assert {steps[title].state for title in contained} == {StepState.PROVEN}
    order = [deed for deed in world.deeds if deed not in ("page", "controls")]
    assert order.index(f"block {SUSPECT}") < order.index("deactivate_key AKIAINSIDER1")
    assert order.index("deactivate_key AKIAINSIDER1") < order.index(f"block {PEERS[0]}")
    assert order.index(f"block {PEERS[1]}") < order.index("offline")
    assert order.index("offline") < order.index("deactivate_key AKIASERVICE1")
    assert order.index("create key for p-assistant") < order.index("distribute")
    assert order.index("distribute") < order.index("retire") < order.index("delete AKIASERVICE1")


async def test_silence_takes_the_assistant_offline_and_never_rotates_or_tells(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    soon = GateOverride(timer=timedelta(milliseconds=200))
    case = await opened(client, queue, take_offline=soon, rotate_credential=soon)
    view = await case.until(
        lambda v: any(g.policy.id == "rotate-credential" and g.held for g in v.gates), "it holds"
    )
    assert not world.online
    assert view.containment is Containment.PROVEN
    assert not world.effects["create key for p-assistant"]
    assert not world.sent


async def test_rotation_waits_for_sealed_evidence(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.fail["verify_evidence"] = 1_000_000
    case = await opened(client, queue)
    await case.approve("take-offline")
    await case.step(f"deny-older-sessions-of-{OWN}", StepState.PROVEN)
    await case.said("look 1: unprovable")
    assert "rotate-credential" not in {g.policy.id for g in (await case.view()).gates}
    assert "create key for p-assistant" not in world.deeds


async def test_a_covert_case_suspends_one_caller_and_nothing_else(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.canaries = 0
    case = await opened(
        client,
        queue,
        report(covert=1.0),
        keep_scoped=GateOverride(timer=timedelta(milliseconds=200)),
    )
    await answer_the_rest(case, reopen=False)
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert world.blocked == {SUSPECT}
    assert world.cloud[PERSON] == {"AKIAINSIDER1": True}
    assert world.online
    assert not world.denied


async def test_people_can_widen_a_covert_case(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.canaries = 0
    case = await opened(client, queue, report(covert=1.0))
    await case.decide("keep-scoped", Choice.REJECT)
    await case.approve("take-offline")
    await case.step(f"deny-older-sessions-of-{OWN}", StepState.PROVEN)
    assert not world.online
    assert not world.cloud[PERSON]["AKIAINSIDER1"]


async def test_a_key_that_only_looks_dead_is_never_called_contained(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.lie.add("deactivate_key")
    case = await opened(client, queue)
    await case.gate(f"retry-deactivate-akiainsider1-of-{PERSON}")
    view = await case.view()
    assert view.containment is Containment.UNPROVEN
    assert any("Deactivate AKIAINSIDER1" in page.summary for page in world.page_requests)


async def test_those_who_hold_the_evidence_can_keep_the_old_key(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await case.approve("take-offline")
    await case.approve("rotate-credential", "security-on-call", "service-owner")
    await case.decide("delete-key", Choice.REJECT, role="counsel")
    await case.gate("state-researcher")
    assert world.cloud[OWN] == {"AKIASERVICE1": False, "AKIANEW1": True}


async def test_one_person_alone_sends_nothing(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    await case.decide("state-researcher", actor="one", role="counsel")
    await case.decide("state-researcher", actor="one", role="comms")
    await case.until_journal(Kind.REFUSED, 1)
    assert await case.refusals() == ["same-person"]
    assert not world.sent


async def test_what_is_sent_is_what_was_shown_and_it_names_nobody(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    shown = (await case.gate("state-researcher")).shown
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.gate("apply-controls")
    assert world.texts[0] in str(shown).encode().decode("unicode_escape")
    assert "between 14 and 18" in world.texts[0]
    everything = " ".join(page.summary for page in world.page_requests) + world.texts[0]
    assert SUSPECT not in everything
    assert PERSON not in everything


async def test_a_false_alarm_gives_everything_back_but_rotated_keys(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await case.approve("take-offline")
    await case.approve("rotate-credential", "security-on-call", "service-owner")
    await case.gate("delete-key")
    await case.false_alarm()
    result = await case.result()
    assert result.resolution is Resolution.FALSE_ALARM
    assert not world.blocked
    assert world.online
    assert world.cloud == {
        PERSON: {"AKIAINSIDER1": True},
        OWN: {"AKIASERVICE1": False, "AKIANEW1": True},
    }


async def test_a_caller_that_is_none_of_ours_is_nobody(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.documents = world.canaries = 0
    case = await opened(client, queue, canary(labels={"caller": "../admin"}))
    await case.gate("take-offline")
    assert not world.blocked
    assert world.calls["block_caller"] == 0


async def test_a_covert_case_that_becomes_public_takes_the_other_branch_at_once(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.canaries = 0
    case = await opened(client, queue, report(covert=1.0))
    await case.gate("keep-scoped")
    await case.send(report(disclosed=1.0).model_copy(update={"alert_key": "second"}))
    await case.approve("take-offline")
    await case.step(f"deny-older-sessions-of-{OWN}", StepState.PROVEN)
    assert "Gate keep-scoped: withdrawn" in await case.says()
    assert not world.online


async def test_one_that_people_kept_scoped_is_widened_whoever_is_waited_for(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.canaries = 0
    case = await opened(client, queue, report(covert=1.0))
    await case.approve("keep-scoped")
    await case.gate("state-researcher")  # days may pass here
    await case.send(report(disclosed=1.0).model_copy(update={"alert_key": "second"}))
    await case.said("The scoped case turned: everything is revoked")
    await answer_until_scope(case)
    await answer_the_rest(case)
    result = await case.result()
    assert result.containment is Containment.PROVEN
    assert world.cloud[OWN] == {"AKIANEW1": True}
    assert world.online


async def test_whom_a_later_alert_names_is_refused_at_once_whoever_is_waited_for(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await case.decide("take-offline", Choice.REJECT)
    await case.gate("rotate-credential")
    assert world.blocked == {SUSPECT}
    second = canary(alert_key="second", labels={"caller": PEERS[0]})
    await case.send(second.model_copy(update={"episode_key": "second"}))
    await case.step(f"block-the-key-{PEERS[0]}", StepState.PROVEN)
    assert world.blocked == {SUSPECT, PEERS[0]}


async def test_the_others_come_back_and_no_suspect_among_them(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    assert world.blocked == {SUSPECT, *PEERS}
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.approve("bring-back-closed", "commander", "security-on-call")
    assert world.blocked == {SUSPECT, *PEERS}
    await case.approve("let-callers-in", "security-on-call", "service-owner")
    await case.gate("re-enable-assistant")
    assert world.blocked == {SUSPECT}
    assert "assistant" in world.isolated


async def test_two_of_three_reopen_nothing(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.approve("bring-back-closed", "commander", "security-on-call")
    await case.approve("let-callers-in", "security-on-call", "service-owner")
    await case.approve("re-enable-assistant", "ciso", "service-owner")
    await case.until(
        lambda v: any(g.policy.id == "re-enable-assistant" and g.approvals == 2 for g in v.gates),
        "two agreed",
    )
    assert "assistant" in world.isolated


async def test_each_of_several_keys_has_a_turn_and_a_proof_of_its_own(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.cloud[PERSON] = {"AKIAINSIDER1": True, "AKIAINSIDER2": True}
    case = await opened(client, queue)
    await case.step(f"deny-older-sessions-of-{PERSON}", StepState.PROVEN)
    states = {step.id: step.state for step in (await case.view()).steps}
    for key in ("akiainsider1", "akiainsider2"):
        assert states[f"deactivate-{key}-of-{PERSON}"] is StepState.PROVEN
    assert not any(world.cloud[PERSON].values())


async def test_a_connector_that_only_looks_ended_is_never_called_contained(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    world.lie.add("revoke_connector")
    case = await opened(client, queue)
    await case.approve("take-offline")
    await case.gate("retry-end-the-access-of-wiki")
    assert (await case.view()).containment is Containment.UNPROVEN


async def test_the_response_replays(client: Client, queue: str, world: ExfiltrationWorld) -> None:
    case = await opened(client, queue)
    await answer_until_scope(case)
    await answer_the_rest(case)
    await case.result()
    replayer = Replayer(
        workflows=list(discover_playbooks().values()),
        workflow_runner=sandbox(),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(await case.handle.fetch_history())
