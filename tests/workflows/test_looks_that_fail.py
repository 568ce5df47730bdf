"""What cannot be looked at keeps nothing from being contained, and a no says before what it does."""

import pytest
from temporalio.client import Client

from schemas.incident import GateView
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.conftest import working
from tests.workflows.exfiltration_world import (
    OWN,
    SUSPECT,
    ExfiltrationWorld,
    report,
)
from tests.workflows.moderation_world import ModerationWorld
from tests.workflows.openings import evasion, exfiltration
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

FALLBACK = "let-fallback-rules-decide-all-uploads"
GOES_ON, ENDS = "Rejecting goes on without it.", "Rejected, the response ends here"


async def asked_how_to_go_on(case: Case, step: str) -> GateView:
    return await case.gate(f"retry-{step}"[:63])


async def stopped(case: Case) -> bool:
    return any(says.startswith("The playbook stops here") for says in await case.says())


async def test_a_log_that_cannot_be_read_keeps_nobody_from_revoking_what_is_known_to_leak(
    client: Client,
) -> None:
    world = ExfiltrationWorld(refuse={"survey_extraction"})
    async with working(client, world) as queue:
        case = await exfiltration(client, queue)
        await case.approve("take-offline")  # asked though nobody said how to go on about the log
        await case.step(f"deny-older-sessions-of-{OWN}", StepState.PROVEN)
        gate = await asked_how_to_go_on(case, "survey-what-was-taken")
        assert "failed (SystemRefused: refused)" in gate.policy.asks
        assert gate.policy.asks.endswith(GOES_ON)
        await case.decide_no(gate.policy.id)
        await case.approve("rotate-credential", "security-on-call", "service-owner")
        await case.approve("delete-key", "security-on-call", "counsel")
        await case.decide_no((await asked_how_to_go_on(case, "estimate-the-scope")).policy.id)
        shown = str((await case.gate("state-researcher")).shown)
        assert "our present knowledge: not known yet" in shown
        assert not await stopped(case)
        assert SUSPECT in world.blocked


async def test_in_a_covert_case_people_may_go_on_without_the_log(client: Client) -> None:
    world = ExfiltrationWorld(refuse={"survey_extraction"}, canaries=0)
    async with working(client, world) as queue:
        case = await exfiltration(client, queue, report(covert=1.0))
        gate = await asked_how_to_go_on(case, "survey-what-was-taken")
        assert not any(g.policy.id == "keep-scoped" for g in (await case.view()).gates)
        await case.decide_no(gate.policy.id)
        await case.gate("keep-scoped")
        assert not await stopped(case)


async def test_keys_that_cannot_be_listed_are_told_and_what_else_there_is_is_revoked(
    client: Client,
) -> None:
    world = ExfiltrationWorld(refuse={"list_keys"})
    async with working(client, world) as queue:
        case = await exfiltration(client, queue)
        await case.decide_no((await asked_how_to_go_on(case, "list-the-keys-of-p-7f3a")).policy.id)
        await case.step("deny-older-sessions-of-p-7f3a", StepState.PROVEN)
        await case.approve("take-offline")
        own = await asked_how_to_go_on(case, f"list-the-keys-of-{OWN}")
        await case.decide_no(own.policy.id)
        await case.step(f"deny-older-sessions-of-{OWN}", StepState.PROVEN)
        await case.said(f"Not revoked: keys of {OWN}: NOT LISTED, NOT REVOKED")
        await case.gate("rotate-credential")
        assert not await stopped(case)


async def test_an_analysis_that_fails_leaves_the_pattern_not_understood_and_that_asks_for_more(
    client: Client,
) -> None:
    world = ModerationWorld(refuse={"identify_pattern"})
    async with working(client, world) as queue:
        case = await evasion(client, queue)
        gate = await case.gate("to-fallback-rules")
        assert "the pattern is not understood" in str(gate.shown)
        await case.approve("to-fallback-rules")
        await case.step(FALLBACK, StepState.PROVEN)
        retry = await asked_how_to_go_on(case, "identify-the-pattern")
        assert retry.policy.asks.endswith(GOES_ON)
        await case.decide_no(retry.policy.id)
        await case.gate("retroactive-sweep")  # from a window before the alert on
        assert not await stopped(case)


async def test_an_analysis_that_comes_later_blocks_the_accounts(client: Client) -> None:
    world = ModerationWorld(refuse={"identify_pattern"})
    async with working(client, world) as queue:
        case = await evasion(client, queue)
        await case.approve("to-fallback-rules")
        await case.step(FALLBACK, StepState.PROVEN)
        world.refuse.clear()
        await case.approve((await asked_how_to_go_on(case, "identify-the-pattern")).policy.id)
        await case.approve("block-accounts")
        await case.step("block-the-accounts", StepState.PROVEN)
        assert world.effects["mode fallback"] == 1


async def test_a_survey_that_fails_keeps_nobody_from_rolling_back(client: Client) -> None:
    world = World(refuse={"survey_feedback", "compare_with_shadow"})
    async with working(client, world) as queue:
        case = await Case.open(client, queue)
        await case.decide_no(
            (await asked_how_to_go_on(case, "compare-with-the-shadow-model")).policy.id
        )
        await case.decide_no((await asked_how_to_go_on(case, "survey-the-feedback")).policy.id)
        await case.gate("confirm-known-good")
        assert not await stopped(case)


async def test_what_the_response_cannot_go_on_without_says_so_at_its_gate(client: Client) -> None:
    world = World(refuse={"read_alias"})
    async with working(client, world) as queue:
        case = await Case.open(client, queue)
        await case.approve("confirm-known-good")
        gate = await asked_how_to_go_on(case, "read-the-alias")
        assert ENDS in gate.policy.asks
        assert gate.policy.on_reject.startswith("the response ends here")
        await case.decide_no(gate.policy.id)
        await case.gate("close-by-hand")
        assert await stopped(case)
        assert world.isolated == {"feedback": 0}
