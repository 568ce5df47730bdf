"""Proofs that could be had for nothing: of nothing, by a stranger's refusal, by a door half open."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from schemas.incident import Containment
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.conftest import working
from tests.workflows.exfiltration_world import (
    SUSPECT,
    ExfiltrationWorld,
    canary,
)
from tests.workflows.moderation_world import ModerationWorld
from tests.workflows.openings import evasion, exfiltration
from tests.workflows.test_assistant_exfiltration import answer_the_rest, answer_until_scope
from tests.workflows.test_exfiltration_liability import answer_the_rest_but_closing

pytestmark = pytest.mark.temporal

CONTROLS = "apply-the-controls"


@pytest.fixture
def leak() -> ExfiltrationWorld:
    return ExfiltrationWorld()


@pytest.fixture
async def leaking(client: Client, leak: ExfiltrationWorld) -> AsyncIterator[str]:
    async with working(client, leak) as name:
        yield name


@pytest.fixture
def uploads() -> ModerationWorld:
    return ModerationWorld()


@pytest.fixture
async def uploading(client: Client, uploads: ModerationWorld) -> AsyncIterator[str]:
    async with working(client, uploads) as name:
        yield name


async def up_to_controls(case: Case) -> None:
    await answer_until_scope(case)
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")


# Exfiltration


async def test_controls_that_are_not_on_are_not_shown_by_nobodys_prompts(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    leak.documents = leak.canaries = 0
    leak.lie.add("apply_controls")
    case = await exfiltration(client, leaking, canary(labels={"caller": "none of ours"}))
    await up_to_controls(case)
    await case.step(CONTROLS, StepState.DISPROVEN)
    leak.lie.clear()
    await case.approve(f"retry-{CONTROLS}")
    await case.step(CONTROLS, StepState.PROVEN)


async def test_a_log_that_forgot_the_prompts_shows_nothing_of_the_controls(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    case = await exfiltration(client, leaking)
    await answer_until_scope(case)
    await case.approve("state-researcher", "counsel", "comms", "executive")
    leak.forgotten = True
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.step(CONTROLS, StepState.UNPROVABLE)


async def test_a_door_that_neither_answers_nor_is_closed_does_not_show_that_it_is_offline(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    leak.door = "unclear"  # it refuses whoever knocks, and may answer others
    case = await exfiltration(client, leaking)
    await case.approve("take-offline")
    retry = await case.gate("retry-take-the-assistant-offline")
    assert "Take the assistant offline: unprovable" in retry.policy.asks
    assert (await case.view()).containment is Containment.UNPROVEN
    leak.door = "closed"
    await case.approve("retry-take-the-assistant-offline")
    await case.step("take-the-assistant-offline", StepState.PROVEN)


async def test_an_assistant_that_says_online_behind_a_closed_door_is_not_back(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    leak.door = "closed"
    case = await exfiltration(client, leaking)
    await up_to_controls(case)
    await case.approve("bring-back-closed", "commander", "security-on-call")
    await case.step("start-the-assistant-behind-its-closed-route", StepState.DISPROVEN)


async def test_a_hold_that_is_not_shown_is_told_to_counsel_and_to_the_board(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    leak.lie.add("hold_logs")
    case = await exfiltration(client, leaking)
    await case.step("place-the-litigation-hold", StepState.DISPROVEN)
    await answer_until_scope(case)
    await answer_the_rest(case)
    await case.result()
    told = {page.role for page in leak.page_requests if "litigation hold" in page.summary}
    assert told == {"commander", "counsel"}
    assert "THE LITIGATION HOLD IS NOT SHOWN TO STAND" in leak.reports[0]


async def test_sessions_that_stay_denied_are_no_undoing(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    case = await exfiltration(client, leaking)
    await case.approve("take-offline")
    await case.gate("rotate-credential")
    leak.lie.add("allow_older_sessions")
    await case.false_alarm()
    await case.until(
        lambda _: any("Undoing does not succeed" in page.summary for page in leak.page_requests),
        "the commander hears of it",
    )
    assert leak.denied


async def test_a_key_that_cannot_be_refused_again_at_the_end_is_not_said_to_be(
    client: Client, leaking: str, leak: ExfiltrationWorld
) -> None:
    case = await exfiltration(client, leaking)
    await answer_until_scope(case)
    await answer_the_rest_but_closing(case)
    await case.gate("board-report")
    leak.blocked.discard(SUSPECT)
    leak.lie.add("block_caller")
    await case.approve("board-report", "commander", "general-counsel")
    await case.decide_no(f"retry-block-the-key-{SUSPECT}")
    await case.gate("close-incident")
    said = await case.says()
    assert f"The key {SUSPECT} is NOT shown to be refused when the incident closes" in said
    assert not any("stays refused" in says for says in said)


# Evasion


async def test_a_version_that_a_new_attack_defeats_is_not_put_into_service(
    client: Client, uploading: str, uploads: ModerationWorld
) -> None:
    uploads.adaptive_success = 0.9  # held-out stickers fail, one made against it works
    case = await evasion(client, uploading)
    await up_to_the_hardening(case)
    await case.step("retrain-against-stickers", StepState.DISPROVEN)
    await case.decide_no("retry-retrain-against-stickers")
    await case.gate("close-by-hand")
    assert uploads.effects["canary 1"] == 0


async def test_an_evaluation_on_a_handful_of_pictures_shows_nothing(
    client: Client, uploading: str, uploads: ModerationWorld
) -> None:
    uploads.evaluated = 5
    case = await evasion(client, uploading)
    await up_to_the_hardening(case)
    await case.step("retrain-against-stickers", StepState.UNPROVABLE)


async def up_to_the_hardening(case: Case) -> None:
    await case.approve("to-fallback-rules")
    await case.approve("block-accounts")
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.approve("adversarial-retraining", "ml-lead", "security-lead")


async def test_a_sweep_of_what_the_service_has_forgotten_is_none(
    client: Client, uploading: str, uploads: ModerationWorld
) -> None:
    uploads.forgets_approvals = True
    case = await evasion(client, uploading)
    await case.approve("to-fallback-rules")
    await case.approve("block-accounts")
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.step("sweep-what-was-approved", StepState.DISPROVEN)


async def test_accounts_beyond_those_that_are_blocked_are_told(
    client: Client, uploading: str, uploads: ModerationWorld
) -> None:
    uploads.more_accounts = 300
    case = await evasion(client, uploading)
    await case.approve("to-fallback-rules")
    gate = await case.gate("block-accounts")
    assert gate.shown["more_accounts_that_are_not_blocked"] == 300
    await case.said("300 more accounts uploaded it and are not blocked")


async def test_a_probe_that_is_refused_does_not_show_that_uploads_are_held(
    client: Client, uploading: str, uploads: ModerationWorld
) -> None:
    case = await evasion(client, uploading, apparent_csam=1)
    await case.approve("to-fallback-rules")
    await case.gate("hold-uploads")
    uploads.refuses_probes = True  # by 403, say: others' uploads may still be taken
    await case.approve("hold-uploads", "commander", "service-owner")
    retry = await case.gate("retry-hold-all-uploads")
    assert "Hold all uploads: unprovable" in retry.policy.asks
    uploads.refuses_probes = False
    await case.approve("retry-hold-all-uploads")
    await case.step("hold-all-uploads", StepState.PROVEN)


async def test_accounts_that_stay_blocked_are_no_undoing(
    client: Client, uploading: str, uploads: ModerationWorld
) -> None:
    case = await evasion(client, uploading)
    await case.approve("to-fallback-rules")
    await case.approve("block-accounts")
    await case.gate("retroactive-sweep")
    uploads.lie.add("unblock_accounts")
    await case.false_alarm()
    await case.until(
        lambda _: any("Undoing does not succeed" in page.summary for page in uploads.page_requests),
        "the commander hears of it",
    )
    assert uploads.blocked
