"""An evasion over many runs: each switch, each report and each ruling once."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Containment, Resolution
from schemas.journal import Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case, alert
from tests.workflows.conftest import working
from tests.workflows.moderation_world import ACCOUNTS, ModerationWorld, image_moderation
from tests.workflows.test_adversarial_evasion import FALLBACK, recover_and_close, sweep_and_harden
from tests.workflows.test_new_runs import runs

pytestmark = pytest.mark.temporal


@pytest.fixture
def world() -> ModerationWorld:
    return ModerationWorld()


@pytest.fixture
def client(impatient_temporal: WorkflowEnvironment) -> Client:
    return impatient_temporal.client


@pytest.fixture
async def queue(client: Client, world: ModerationWorld) -> AsyncIterator[str]:
    async with working(client, world) as name:
        yield name


async def opened(client: Client, queue: str) -> Case:
    return await Case.open(
        client,
        queue,
        alert(fn_rate=0.023),
        playbook="adversarial-evasion",
        of=image_moderation(),
    )


async def test_everything_happens_once_however_often_a_new_run_goes_on(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.flag()
    case = await opened(client, queue)
    await case.approve("acknowledge")
    await case.approve("legal-path", "legal", "trust-and-safety")
    await case.approve("to-fallback-rules")
    await case.decide_no("hold-uploads")
    await case.approve("block-accounts")
    await sweep_and_harden(case)
    await recover_and_close(case)
    result = await case.result()
    assert (result.resolution, result.containment) == (Resolution.RESOLVED, Containment.PROVEN)
    assert await runs(case) > 3
    assert set(world.sent) == {"apparent-csam/1", "statement-of-reasons/1"}
    for deed in ("mode review", "mode fallback", "block", "rescan", "retrain", "promote"):
        assert world.effects[deed] == 1, deed
    assert (world.mode, world.champion, world.blocked) == ("auto", "8", ACCOUNTS)
    entries = await case.whole_journal(world.journals)
    assert verify_chain(entries) == result.journal_head
    ruled = [e.says for e in entries if e.kind is Kind.RULE and "how far" in e.says]
    assert len(ruled) == len(set(ruled)) == 2


async def test_a_pattern_that_is_known_late_changes_nothing_about_what_was_done_without_it(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.refuse.add("identify_pattern")
    case = await opened(client, queue)
    await case.approve("to-fallback-rules")
    await case.step(FALLBACK, StepState.PROVEN)
    world.refuse.clear()
    await case.approve("retry-identify-the-pattern")
    await case.approve("block-accounts")
    await case.gate("retroactive-sweep")
    assert await runs(case) > 1
    await case.false_alarm()
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert (world.mode, world.blocked) == ("auto", ())  # the fallback was known to be taken back
    assert world.effects["mode fallback"] == 1
