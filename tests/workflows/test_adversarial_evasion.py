"""The adversarial-evasion playbook, decision by decision, in a world that is ours to bend."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.alert import Alert
from schemas.base import iso
from schemas.gate import Choice
from schemas.incident import Containment, GateOverride, Resolution, Service, Severity
from schemas.journal import Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case, alert
from tests.workflows.moderation_world import (
    ACCOUNTS,
    FLAGGED,
    PINNED,
    ModerationWorld,
    image_moderation,
)
from tests.workflows.watched import step_of, watched

pytestmark = pytest.mark.temporal

SOON = GateOverride(timer=timedelta(milliseconds=300))
SECOND_LOOKS = "approve-nothing-that-transforms-decide-otherwise"
FALLBACK = "let-fallback-rules-decide-all-uploads"
RECOVERY = "let-the-hardened-version-decide"


@pytest.fixture
def world() -> ModerationWorld:
    return ModerationWorld()


def misses(**evidence: float) -> Alert:
    measured = {"audit_n": 1240, "fn_rate": 0.023, "fn_base": 0.005, "cluster_items": 11}
    return alert().model_copy(update={"evidence": {**measured, **evidence}})


async def opened(client: Client, queue: str, of: Service | None = None) -> Case:
    return await Case.open(
        client, queue, misses(), playbook="adversarial-evasion", of=of or image_moderation()
    )


async def up_to_the_sweep(case: Case) -> None:
    await case.approve("acknowledge")
    await case.approve("to-fallback-rules")
    await case.approve("block-accounts")


async def sweep_and_harden(case: Case) -> None:
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.approve("statements-of-reasons", "trust-and-safety", "legal")
    await case.approve("adversarial-retraining", "ml-lead", "security-lead")


async def recover_and_close(case: Case) -> None:
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.approve("close-incident")


async def test_evasion_is_contained_swept_hardened_and_recovered_in_stages(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await sweep_and_harden(case)
    await recover_and_close(case)
    result = await case.result()
    entries = await case.journal()
    assert result.resolution is Resolution.RESOLVED
    assert verify_chain(entries) == result.journal_head
    assert (world.mode, world.champion) == ("auto", "8")
    assert world.blocked == ACCOUNTS
    assert world.rescanned
    stages = [deed for deed in world.deeds if deed.startswith(("mode", "canary", "promote"))]
    assert stages == [
        "mode review",
        "mode fallback",
        "canary 1",
        "canary 5",
        "canary 25",
        "canary 100",
        "promote",
    ]
    states = {step.id: step.state for step in (await case.view()).steps}
    assert states[SECOND_LOOKS] is StepState.UNDONE
    assert states[FALLBACK] is StepState.UNDONE
    assert states["block-the-accounts"] is StepState.PROVEN
    assert result.containment is Containment.PROVEN
    called = {page.role for page in world.page_requests}
    assert called >= {"commander", "secops", "ml-on-call", "devops", "trust-and-safety", "legal"}


async def test_a_silent_commander_gets_the_fallback_rules(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue, image_moderation(gates={"to-fallback-rules": SOON}))
    await case.gate("block-accounts")
    assert world.mode == "fallback"
    assert world.blocklist == ("e452500700f005a5",)
    assert any("proceeded-by-policy" in said for said in await case.says())


async def test_a_commander_may_stay_with_second_looks_and_recover_from_there(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue)
    await case.decide_no("to-fallback-rules")
    await case.approve("block-accounts")
    await sweep_and_harden(case)
    await recover_and_close(case)
    await case.result()
    assert world.effects["mode fallback"] == 0
    assert (world.mode, world.champion) == ("auto", "8")


async def test_a_switch_that_answers_well_and_does_nothing_is_not_containment(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.lie.add("set_moderation_mode")
    case = await opened(client, queue)
    view = await case.step(SECOND_LOOKS, StepState.DISPROVEN)
    assert view.containment is Containment.UNPROVEN
    world.lie.clear()
    gate = f"retry-{SECOND_LOOKS}"[:63]
    await case.approve(gate)
    await case.step(SECOND_LOOKS, StepState.PROVEN)


async def test_second_looks_that_are_fooled_too_lead_on_to_the_fallback_rules(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.fooled.add("review")
    case = await opened(client, queue)
    await case.decide_no(f"retry-{SECOND_LOOKS}"[:63])
    gate = await case.gate("to-fallback-rules")
    assert "second looks are not proven" in str(gate.shown)
    await case.approve("to-fallback-rules")
    await case.step(FALLBACK, StepState.PROVEN)


async def test_retraining_does_not_start_without_the_pinned_set(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.sets.clear()
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    first = await case.gate("provide-adversarial-set")
    await case.approve("provide-adversarial-set", "ml-lead")
    await case.asked_anew(first)
    assert world.calls["retrain_hardened"] == 0
    world.sets.add(PINNED)
    await case.approve("provide-adversarial-set", "security-lead")
    await case.gate("adversarial-retraining")


async def test_without_a_hardened_version_the_containment_stays(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.sets.clear()
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await case.approve("retroactive-sweep", "trust-and-safety", "legal")
    await case.decide_no("provide-adversarial-set")
    await case.approve("close-by-hand")
    result = await case.result()
    assert result.containment is Containment.PROVEN
    assert world.mode == "fallback"
    assert world.effects["retrain"] == 0


async def test_a_version_that_does_not_withstand_held_out_stickers_is_not_put_into_service(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.hardened_success = 0.2
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await sweep_and_harden(case)
    await case.decide_no("retry-retrain-against-stickers")
    await case.gate("close-by-hand")
    assert world.mode == "fallback"
    assert world.effects["canary 1"] == 0


async def test_a_breach_on_the_way_falls_back_by_itself_and_asks_anew(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.canary_clusters = 5
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await sweep_and_harden(case)
    first = await case.gate("canary-recovery")
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.asked_anew(first)
    assert world.canary == (None, 0)
    assert world.mode == "fallback"
    assert world.effects["canary 5"] == 0
    world.canary_clusters = 0
    await recover_and_close(case)
    await case.result()
    assert (world.mode, world.champion) == ("auto", "8")


async def test_nobody_sweeps_without_two_people_and_a_no_leaves_everything_up(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await case.approve("retroactive-sweep", "legal")
    view = await case.view()
    assert any(gate.policy.id == "retroactive-sweep" for gate in view.gates)
    assert not world.rescanned
    await case.decide("retroactive-sweep", Choice.REJECT, actor="b", role="trust-and-safety")
    await case.gate("adversarial-retraining")
    assert not world.rescanned


async def test_one_flag_takes_the_legal_path_beside_everything_else(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.flag()
    case = await opened(client, queue)
    await case.gate("legal-path")
    view = await case.view()
    assert view.severity is Severity.SEV1
    assert world.flags == {FLAGGED: True}
    await case.approve("to-fallback-rules")  # nothing waits for counsel
    await case.decide("hold-uploads", Choice.REJECT, actor="x", role="service-owner")
    await case.approve("block-accounts")
    await sweep_and_harden(case)
    await case.approve("canary-recovery", "commander", "trust-and-safety")
    await case.until(lambda _: world.champion == "8", "the hardened version decides")
    assert not any(g.policy.id == "close-incident" for g in (await case.view()).gates)
    await case.approve("legal-path", "legal", "trust-and-safety")
    await case.approve("close-incident")
    await case.result()
    assert world.isolated == {}
    assert any("reported to the hotline" in said for said in await case.says())
    (report,) = [text for text in world.texts if FLAGGED in text]
    assert report.startswith("Case ")
    assert set(world.sent) == {"apparent-csam/1", "statement-of-reasons/1"}


async def test_what_is_not_apparent_csam_is_reported_to_nobody(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    world.flag()
    case = await opened(client, queue)
    gate = await case.gate("legal-path")
    assert FLAGGED in str(gate.shown["acts"])  # people see the text as it would leave
    await case.decide("legal-path", Choice.REJECT, actor="x", role="legal")
    await case.said("Legal path: not reported")
    assert world.sent == {}


async def test_nobody_decides_to_hold_uploads_so_they_are_not_held(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await Case.open(
        client,
        queue,
        misses(apparent_csam=1),
        playbook="adversarial-evasion",
        of=image_moderation(gates={"hold-uploads": GateOverride(timer=timedelta(seconds=2))}),
    )
    await case.approve("to-fallback-rules")
    await case.approve("hold-uploads", "commander")  # one of two
    await case.gate("block-accounts")
    assert world.isolated == {}
    said = await case.says()
    assert any("Gate hold-uploads: expired" in what for what in said), said
    assert not any("done by policy: Take no uploads" in str(p) for p in world.page_requests)


async def test_a_block_says_when_it_ends_and_the_gateway_is_told(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue)
    await case.approve("to-fallback-rules")
    gate = await case.gate("block-accounts")
    await case.approve("block-accounts")
    await case.step("block-the-accounts", StepState.PROVEN)
    assert world.blocked_until is not None
    assert gate.shown["until"] == iso(world.blocked_until)
    assert timedelta(hours=23) < world.blocked_until - gate.opened_at < timedelta(hours=25)


async def test_held_uploads_are_taken_again_before_the_model_decides(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await Case.open(
        client,
        queue,
        misses(apparent_csam=1),
        playbook="adversarial-evasion",
        of=image_moderation(),
    )
    await case.approve("to-fallback-rules")
    await case.approve("hold-uploads", "commander", "service-owner")
    await case.approve("block-accounts")
    assert world.isolated == {"moderate": 0}
    await sweep_and_harden(case)
    await case.approve("accept-uploads", "commander", "service-owner")
    await case.gate("canary-recovery")
    assert world.isolated == {}
    await recover_and_close(case)
    await case.result()


async def test_a_false_alarm_takes_everything_back_in_reverse(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await case.gate("retroactive-sweep")
    await case.false_alarm()
    result = await case.result()
    assert result.resolution is Resolution.FALSE_ALARM
    assert (world.mode, world.blocked) == ("auto", ())
    assert world.deeds[-3:] == ["unblock", "mode review", "mode auto"]


async def test_what_strangers_wrote_is_in_no_sentence_of_the_journal(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue)
    await up_to_the_sweep(case)
    await case.gate("retroactive-sweep")
    entries = await case.journal()
    assert not any(account in entry.says for entry in entries for account in ACCOUNTS)
    assert any(entry.kind is Kind.RULE for entry in entries)


async def test_a_whole_response_under_looks_loses_nothing_and_a_mode_set_back_is_set_again(
    client: Client, queue: str, world: ModerationWorld
) -> None:
    case = await opened(client, queue, watched(image_moderation()))
    await up_to_the_sweep(case)
    await case.until(lambda v: step_of(v.steps, FALLBACK).held_at is not None, "looked at again")
    await case.gate("retroactive-sweep")
    world.mode = "auto"  # by whoever else may set it
    await case.until(lambda v: step_of(v.steps, FALLBACK).attempt == 2, "contained again")
    await case.step(FALLBACK, StepState.PROVEN)
    assert world.deeds.count("mode fallback") == 2
    await sweep_and_harden(case)
    await recover_and_close(case)
    assert (await case.result()).resolution is Resolution.RESOLVED
    lost = [e.step for e in await case.kinds(Kind.FINDING) if "containment lost" in e.says]
    assert lost == [FALLBACK]  # not what it took the place of, nor what people reopened


async def test_the_commander_hears_for_whom_nobody_answered(
    client: Client, queue: str, world: ModerationWorld, temporal: WorkflowEnvironment
) -> None:
    world.refuse.add("watch_flagged")  # time is not skipped while something is watched
    case = await opened(client, queue)
    await case.gate("to-fallback-rules")
    for role in ("legal", "devops"):
        page = f"{case.handle.id}/assemble-{role}"
        answered = {"answer_id": role, "via": "pagerduty", "what": "acknowledged", "page": page}
        await case.signal("page-answer", {**answered, "gate": "", "by": "P1", "person": None})
        await case.said(f"Acknowledged in pagerduty: {role}")
    await temporal.fast_forward(case.handle, timedelta(minutes=11))
    says = "Called, and nobody answered for: secops, ml-on-call, trust-and-safety"
    await case.said(says)
    assert any(page.role == "commander" and says in page.summary for page in world.page_requests)
