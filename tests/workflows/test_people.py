"""Who may decide where people are declared: roles, stand-ins, delegates, suspects, withdrawals."""

import uuid
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.gate import Choice
from schemas.incident import Resolution, Service
from schemas.journal import Kind
from schemas.roster import Role
from tests.workflows.case import Case, decision, service
from tests.workflows.roster import delegated, roster, staffed
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

RESCORE = "rescore-decisions"


async def test_each_role_is_represented_by_someone_who_holds_it(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.by(RESCORE, ml_lead="m1")
    await case.decide(RESCORE, actor="m2", role="ml-lead")
    await case.decide(RESCORE, actor="m2", role="service-owner")
    await case.decide(RESCORE, actor="a-stranger", role="service-owner")
    view = await case.until(
        lambda v: any(g.policy.id == RESCORE and g.approvals == 2 for g in v.gates),
        "two of one role",
    )
    assert world.effects["rescore"] == 0
    assert await case.refusals() == ["not-the-role", "not-the-role"]
    gate = next(g for g in view.gates if g.policy.id == RESCORE)
    assert {(s.person, s.role) for s in gate.may_decide} == {
        ("s1", "service-owner"),
        ("m1", "ml-lead"),
        ("m2", "ml-lead"),
    }
    await case.by(RESCORE, service_owner="s1")
    await case.gate("retrain-without-poison")
    assert world.effects["rescore"] == 1
    last = (await case.kinds(Kind.DECISION))[-1]
    assert last.data["standing"] == {
        "person": "s1",
        "role": "service-owner",
        "claim": "holder",
        "of": None,
        "available": True,
    }
    assert ["m2", "ml-lead", "holder"] in last.data["roster"]  # type: ignore[operator]  # JSON


async def test_a_whole_response_by_people_resolves(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("acknowledge", ml_on_call="o1")
    await case.by("confirm-known-good", commander="c1")
    await case.by(RESCORE, service_owner="s1", ml_lead="m1")
    await case.by("retrain-without-poison", data_owner="d1", ml_lead="m2")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m1")
    await case.by("close-incident", commander="c1")
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert world.isolated == {}
    assert not await case.refusals()


async def test_a_delegate_decides_within_the_delegation_and_both_are_recorded(
    client: Client, queue: str, world: World
) -> None:
    of = staffed(delegated("s1", "d1", "service-owner"), delegated("m1", "e1", "ml-lead", hours=-1))
    case = await Case.open(client, queue, of=of)
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.by(RESCORE, ml_lead="e1")
    await case.by(RESCORE, service_owner="d1", ml_lead="m1")
    await case.gate("retrain-without-poison")
    assert await case.refusals() == ["not-the-role"]  # that delegation is over
    standing = [e.data["standing"] for e in await case.kinds(Kind.DECISION) if "standing" in e.data]
    assert {"person": "d1", "of": "s1", "claim": "delegate"}.items() <= dict(standing[1]).items()  # type: ignore[arg-type]  # JSON
    assert world.effects["rescore"] == 1


async def test_a_pool_that_is_too_small_escalates_at_once_and_says_so(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed(away=("s1",)))
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.said(f"Too few people for gate {RESCORE}: escalated to commander")
    await case.by(RESCORE, commander="c1", ml_lead="m1")
    await case.gate("retrain-without-poison")
    assert world.effects["rescore"] == 1
    assert any(
        p.role == "commander" and "Too few people can decide" in p.summary
        for p in world.page_requests
    )


def with_roles(**changed: Role | None) -> Service:
    """People as ``hemostat check`` would not have let through: *changed* roles, None: removed."""
    people = roster()
    roles = {**people.roles, **{name.replace("_", "-"): role for name, role in changed.items()}}
    kept = {name: role for name, role in roles.items() if role is not None}
    weak = people.model_copy(update={"roles": kept})
    return service().model_copy(update={"roster": weak})


ONE = Role(primary=("m1",))


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (with_roles(service_owner=None), f"Too few people for gate {RESCORE}: escalated to"),
        (
            with_roles(service_owner=ONE, ml_lead=ONE),
            f"Too few people for gate {RESCORE}: escalated to",
        ),
        (
            with_roles(service_owner=ONE, ml_lead=ONE, commander=ONE, exec=ONE),
            f"Too few people for gate {RESCORE}, and no rung is left",
        ),
    ],
    ids=["a role that nobody holds", "a quorum beyond the pool", "a ladder that ends nowhere"],
)
async def test_a_gate_that_its_people_cannot_answer_escalates_and_says_so(
    client: Client, queue: str, world: World, of: Service, says: str
) -> None:
    case = await Case.open(client, queue, of=of)
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.said(says)
    await case.until(
        lambda _: any("Too few people can decide" in p.summary for p in world.page_requests),
        "somebody is told",
    )
    assert world.effects["rescore"] == 0


async def test_a_sole_approver_who_becomes_the_suspect_is_replaced_by_the_next_rung(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.gate(RESCORE)
    await case.say("suspect", "l1", "counsel", person="s1")  # alone in service-owner
    await case.said(f"Too few people for gate {RESCORE}: escalated to commander")
    await case.by(RESCORE, service_owner="s1")
    await case.until_refused("not-the-role")  # not any more
    await case.by(RESCORE, commander="c1", ml_lead="m1")
    await case.gate("retrain-without-poison")
    assert world.effects["rescore"] == 1


async def test_a_deputy_decides_only_while_the_role_is_dark(
    client: Client, queue: str, temporal: WorkflowEnvironment, world: World
) -> None:
    world.refuse.add("watch_alias")
    case = await Case.open(client, queue, of=staffed(away=("c1",), ahead=48))
    await case.by("confirm-known-good", commander="c2")
    await case.by(RESCORE, service_owner="s1", ml_lead="m1")
    await case.gate("retrain-without-poison")
    assert not await case.refusals()
    await temporal.fast_forward(case.handle, timedelta(hours=49))
    await case.by("retrain-without-poison", commander="c2")
    await case.until_refused("not-the-role")  # the rung is reached, its holder is back


async def test_a_gate_that_only_suspects_could_answer_says_so_and_glass_is_left(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.gate(RESCORE)
    for person in ("m1", "m2", "s1", "c1", "c2", "e1"):
        await case.say("suspect", "l1", "counsel", person=person)
    await case.said(f"Too few people for gate {RESCORE}, and no rung is left")
    gate = await case.gate(RESCORE)
    await case.signal("break-glass", glass(gate.nonce))
    await case.decide(RESCORE, actor="o2", role="break-glass")
    await case.gate("retrain-without-poison")
    assert world.effects["rescore"] == 1


async def test_a_suspect_and_their_delegates_are_in_no_pool_page_or_listing(
    client: Client, queue: str, world: World
) -> None:
    of = staffed(delegated("s1", "d1", "service-owner"))
    case = await Case.open(client, queue, of=of)
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.by(RESCORE, service_owner="s1")
    await case.until(lambda v: any(g.approvals == 1 for g in v.gates), "the suspect approved")
    pages = len(world.page_requests)
    await case.say("suspect", "m1", "ml-lead", person="c1")  # not theirs to say
    await case.say("suspect", "l1", "counsel", person="s1")
    view = await case.until(
        lambda v: all(g.approvals == 0 for g in v.gates if g.policy.id == RESCORE),
        "it counts no more",
    )
    assert not {"s1", "d1"} & {s.person for g in view.gates for s in g.may_decide}
    await case.by(RESCORE, ml_lead="m1")
    await case.decide(RESCORE, actor="d1", role="service-owner")
    await case.decide(RESCORE, actor="s1", role="service-owner")
    assert await case.refusals() == ["not-the-role"] * 3
    assert world.effects["rescore"] == 0
    await case.by(RESCORE, commander="c1")
    await case.gate("retrain-without-poison")
    roles = {p.role for p in world.page_requests[pages:]}
    assert "service-owner" not in roles
    assert "data-owner" not in roles
    after = [e for e in await case.journal() if "excluded" in e.data or "excluded" in e.says]
    assert after
    assert not [e for e in after if {"s1", "d1"} & {str(told) for told in e.data.values()}]


async def test_an_approval_is_taken_back_until_it_is_used(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed())
    await case.by("confirm-known-good", ml_on_call="o1")
    view = await case.gate(RESCORE)
    first = decision(view, Choice.APPROVE, "m1", "ml-lead")
    await case.signal("decide", first)
    await case.signal("withdraw", back(first["decision_id"], "s1"))
    await case.signal("withdraw", back(first["decision_id"], "m1"))
    await case.said("was taken back")
    await case.by(RESCORE, service_owner="s1")
    view2 = await case.until(lambda v: any(g.approvals == 1 for g in v.gates), "only one counts")
    assert view2.containment.value == "proven"
    assert world.effects["rescore"] == 0
    await case.by(RESCORE, ml_lead="m1")
    await case.gate("retrain-without-poison")
    await case.signal("withdraw", back(first["decision_id"], "m1"))
    await case.until_refused("late")
    assert (await case.refusals())[0] == "not-yours"
    assert world.effects["rescore"] == 1


def glass(nonce: str, actor: str = "o2", gate: str = RESCORE) -> dict[str, str]:
    return {
        "use_id": f"{actor}-{nonce}",
        "gate": gate,
        "nonce": nonce,
        "actor": actor,
        "reason": "nobody else is left",
    }


def back(decision_id: str, actor: str) -> dict[str, str]:
    return {
        "withdrawal_id": uuid.uuid4().hex,
        "decision_id": decision_id,
        "gate": RESCORE,
        "actor": actor,
        "reason": "I looked again",
    }
