"""Broken glass and its review, what was done outside, and how grave it is."""

import pytest
from temporalio.client import Client

from schemas.incident import Containment, Resolution, Severity
from schemas.journal import Kind
from schemas.step import StepState
from tests.workflows.case import Case, service
from tests.workflows.roster import staffed
from tests.workflows.test_people import RESCORE, glass
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE = "isolate-the-feedback-endpoint"


async def test_broken_glass_lets_one_decide_pages_the_ciso_and_blocks_closing_until_reviewed(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("confirm-known-good", ml_on_call="o1")
    gate = await case.gate(RESCORE)
    await case.decide(RESCORE, actor="o2", role="break-glass")  # the glass is whole
    await case.signal("break-glass", glass(gate.nonce, actor="m1"))  # not declared for it
    await case.signal("break-glass", glass(gate.nonce))
    seen = await case.until(lambda v: any(g.glass for g in v.gates), "the glass is broken")
    assert [g.glass for g in seen.gates if g.policy.id == RESCORE] == [("o2",)]
    await case.decide(RESCORE, actor="o2", role="break-glass")
    review = "review-break-glass-1"
    await case.gate(review)
    await case.decide_no("retrain-without-poison")
    await case.until_refused("not-the-role")
    await case.decide("retrain-without-poison", actor="d1", role="data-owner")
    await case.decide("retrain-without-poison", actor="m1", role="ml-lead")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m1")
    await case.said("Not closing before break-glass is reviewed")
    assert "close-incident" not in {g.policy.id for g in (await case.view()).gates}
    assert any(p.role == "ciso" and "glass was broken" in p.summary for p in world.page_requests)
    await case.by(review, ciso="z1")
    await case.by("close-incident", commander="c1")
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert "Break-glass was reviewed: justified" in await case.says()
    assert world.effects["rescore"] == 1


async def test_what_a_person_did_outside_is_proven_like_what_we_do(
    client: Client, queue: str, world: World
) -> None:
    world.refuse.add("isolate_endpoint")
    case = await Case.open(client, queue, of=staffed())
    await case.gate(f"retry-{ISOLATE}")
    world.isolated["feedback"], world.paused = 0, True  # by hand
    await case.say("attest", "o1", "ml-on-call", step="no-such-step")
    await case.say("attest", "s1", "ml-on-call", step=ISOLATE)
    await case.say("attest", "o1", "ml-on-call", step=ISOLATE)
    view = await case.step(ISOLATE, StepState.PROVEN)
    assert view.containment in (Containment.PROVEN, Containment.COMMANDED)
    assert await case.refusals() == ["not-under-way", "not-the-role"]
    assert world.effects["isolate"] == 0
    assert "Done outside, as attested: proving it" in await case.says()


async def test_what_was_not_done_outside_is_not_proven_by_saying_so(
    client: Client, queue: str, world: World
) -> None:
    world.refuse.add("isolate_endpoint")
    case = await Case.open(client, queue)
    first = await case.gate(f"retry-{ISOLATE}")
    await case.say("attest", "somebody", "ml-on-call", step=ISOLATE)
    view = await case.until(
        lambda v: any(g.policy.id == first.policy.id and g.nonce != first.nonce for g in v.gates),
        "asked again",
    )
    assert view.containment is Containment.UNPROVEN


async def test_facts_raise_the_severity_and_only_the_commander_lowers_it(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.gate("confirm-known-good")
    unknown = {"money": {"unknown_because": "finance is asked"}, "people": 40}
    told = {"facts": {"protected_data_out": "yes"}, "impact": unknown}
    await case.say("grade", "m1", "ml-lead", **told)
    view = await case.until(lambda v: v.severity is Severity.SEV1, "raised")
    assert view.impact is not None
    assert view.impact.people == 40
    await case.say("grade", "m1", "ml-lead", severity="SEV-3")
    await case.say("grade", "m1", "commander", severity="SEV-3")
    await case.say("grade", "c1", "commander", severity="SEV-3")
    await case.until(lambda v: v.severity is Severity.SEV3, "lowered")
    assert await case.refusals() == ["not-the-role", "not-the-role"]
    (lowered,) = [e for e in await case.kinds(Kind.DECISION) if e.data.get("before") == "SEV-1"]
    assert lowered.data["actor"] == "c1"


async def test_a_playbook_that_sees_no_attack_proposes_and_does_not_lower(
    client: Client, queue: str, world: World
) -> None:
    world.shadow_rises = True
    case = await Case.open(client, queue, of=staffed())
    assert (await case.result()).severity is Severity.SEV2
    assert any("the commander may lower it" in sentence for sentence in await case.says())


async def test_without_people_these_signals_change_nothing_that_needs_them(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=service())
    gate = await case.gate("confirm-known-good")
    await case.say("suspect", "l1", "counsel", person="s1")
    await case.signal("break-glass", glass(gate.nonce, gate="confirm-known-good"))
    for signal in ("withdraw", "break-glass", "attest", "grade", "suspect"):
        await case.signal(signal, {"nonsense": 1})
    await case.until_refused("malformed")
    assert (await case.refusals())[:2] == ["not-the-role", "not-the-role"]
    await case.answer_everything()
    assert (await case.result()).resolution is Resolution.RESOLVED
