"""What is filed after a no, and what is filed by itself because two agreed to it beforehand."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.canonical import digest_bytes
from schemas.clocks.states import ClockState
from schemas.gate import Choice
from schemas.journal import Kind
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.counsel import Counsel
from tests.workflows.exfiltration_world import ExfiltrationWorld
from tests.workflows.test_exfiltration_liability import now_alerted, opened, roster

pytestmark = pytest.mark.temporal

BETTER = "Initial notification.\nMore is known by now, and it is said.\n"
SOON = timedelta(hours=62)
"""Past 85 % of the 72 hours."""


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


async def owed(client: Client, queue: str, **of: object) -> tuple[Case, Counsel]:
    case, counsel = await opened(client, queue, now_alerted(), regimes=("gdpr-33",), **of)
    await counsel.aware_since_the_alert("gdpr-33")
    return case, counsel


async def write(case: Case, text: str, *, actor: str = "w1", role: str = "counsel") -> None:
    await case.say("draft", actor, role, gate="file-gdpr-33", text=text)


async def filed_under(case: Case) -> None:
    await case.said("Sent under gdpr-33")
    await case.step("file-under-gdpr-33", StepState.PROVEN)


async def test_a_rejected_filing_is_written_anew_and_asked_anew_and_the_rejected_text_never_leaves(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, counsel = await owed(client, queue)
    first = await case.gate("file-gdpr-33")
    rejected = str(first.shown["acts"][0]["request"]["text"])  # type: ignore[index, call-overload]  # JSON
    await case.decide("file-gdpr-33", Choice.REJECT, actor="p1", role="dpo")
    await case.said("a new draft is awaited")
    assert (await counsel.row("gdpr-33")).state is ClockState.RUNNING
    await write(case, rejected)
    await case.until_refused("rejected-text")
    await write(case, "too late to be anybody", role="comms")
    await case.until_refused("not-the-role")
    await write(case, BETTER)
    again = await case.asked_anew(first)
    assert again.digest != first.digest
    await case.approve("file-gdpr-33", "counsel", "dpo")
    await filed_under(case)
    assert world.texts == [BETTER]
    assert world.sent["filing/gdpr-33/initial"] == digest_bytes(BETTER.encode())
    await write(case, "One more, of what has left already.")
    await case.until_refused("not-under-way")


async def test_a_new_draft_takes_the_place_of_the_one_that_is_asked_about_and_its_writer_does_not_approve(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await owed(client, queue, roster=roster())
    first = await case.gate("file-gdpr-33")
    await case.by("file-gdpr-33", dpo="p1")
    await write(case, BETTER, actor="l1")
    again = await case.asked_anew(first)
    assert again.approvals == 0  # what was approved was another text
    await case.by("file-gdpr-33", counsel="l1")
    await case.until_refused("excluded")
    assert not world.sent
    await case.by("file-gdpr-33", deputy_counsel="l2", dpo="p1")
    await filed_under(case)
    assert world.texts == [BETTER]


async def test_what_two_agreed_to_beforehand_is_filed_when_15_percent_are_left_and_says_by_what(
    client: Client, queue: str, world: ExfiltrationWorld, temporal: WorkflowEnvironment
) -> None:
    case, counsel = await owed(client, queue)
    offer = await case.gate("pre-authorise-gdpr-33")
    await case.approve("pre-authorise-gdpr-33", "counsel", "dpo")
    await case.said("Gate pre-authorise-gdpr-33: approved")
    assert not world.sent
    await temporal.fast_forward(case.handle, SOON)
    await filed_under(case)
    assert list(world.sent) == ["filing/gdpr-33/initial"]
    assert "incomplete" in world.texts[0]
    assert (await counsel.row("gdpr-33")).state is ClockState.RUNNING  # counsel records the filing
    ended = [e for e in await case.kinds(Kind.GATE) if e.data.get("gate") == "file-gdpr-33"][-1]
    assert ended.data["outcome"] == "proceeded-by-policy"
    assert ended.data["pre_authorised_as"] == offer.nonce
    assert ended.data["pre_authorised_text"] == digest_bytes(world.texts[0].encode())


async def test_without_agreement_beforehand_nothing_is_filed_by_itself_and_one_yes_is_none(
    client: Client, queue: str, world: ExfiltrationWorld, temporal: WorkflowEnvironment
) -> None:
    case, counsel = await owed(client, queue)
    await case.approve("pre-authorise-gdpr-33", "counsel")
    await temporal.fast_forward(case.handle, timedelta(hours=73))
    await counsel.until_state("gdpr-33", ClockState.OVERDUE)
    assert "file-gdpr-33" in {gate.policy.id for gate in (await case.view()).gates}
    assert not world.sent


async def test_a_rejection_voids_what_was_agreed_to_beforehand_about_the_same_text(
    client: Client, queue: str, world: ExfiltrationWorld, temporal: WorkflowEnvironment
) -> None:
    case, counsel = await owed(client, queue)
    await case.approve("pre-authorise-gdpr-33", "counsel", "dpo")
    await case.said("Gate pre-authorise-gdpr-33: approved")
    await case.decide("file-gdpr-33", Choice.REJECT, actor="p1", role="dpo")
    await case.said("a new draft is awaited")
    await temporal.fast_forward(case.handle, timedelta(hours=73))
    await counsel.until_state("gdpr-33", ClockState.OVERDUE)
    assert not world.sent
    await write(case, BETTER)
    await case.gate("pre-authorise-gdpr-33")  # offered anew, about the new text
    await case.approve("file-gdpr-33", "counsel", "dpo")
    await filed_under(case)
    assert world.texts == [BETTER]
