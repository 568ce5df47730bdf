"""A decision counts only with a statement that holds; what is forged is journaled and pages."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from hemostat.keys import SigningKey
from schemas.gate import Choice
from schemas.incident import GateOverride, Resolution
from schemas.journal import Kind
from schemas.signed_statement import certify, read, seal
from schemas.speakers import Certificate, SpeakerKey
from schemas.step import StepState
from tests.workflows.case import Case, decision, service
from tests.workflows.roster import staffed
from tests.workflows.voice import Voice, some_key
from tests.workflows.world import World
from workflows.engine.speakers import PAGE_AGAIN

pytestmark = pytest.mark.temporal

ROLL_BACK = "roll-the-model-back"


async def why(case: Case) -> list[Any]:
    """For what reasons nobody was believed."""
    return [e.data.get("because") for e in await case.kinds(Kind.REFUSED)]


async def until_unproven(case: Case, because: str) -> None:
    await case.until_journal(Kind.REFUSED, 1)
    assert (await why(case))[-1] == because


def pages(world: World) -> list[str]:
    return [page.summary for page in world.page_requests if page.role == "security-on-call"]


async def test_a_whole_response_by_people_who_prove_who_they_are(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, voice=Voice())
    await case.answer_everything()
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert not await case.refusals()
    assert not pages(world)
    opened = (await case.kinds(Kind.OPENED))[0]
    assert opened.data["speakers"] == [{"key": some_key(1).kid, "person": None}]
    decided = (await case.kinds(Kind.DECISION))[0].data
    assert decided["method"] == "passkey"
    assert decided["subject"] == f"local:{decided['actor']}"
    assert decided["key"] == some_key(1).kid
    assert {"authenticated_at", "stepped_up_at", "said_at", "channel"} <= set(decided)
    taken = read(str(decided["statement"]))
    assert taken is not None
    assert taken.statement.digest == decided["digest"]


async def test_a_decision_forged_straight_through_temporal_pages_and_changes_nothing(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, voice=Voice())
    gate = await case.gate("confirm-known-good")
    forged = decision(gate, Choice.APPROVE, "c1", "commander")
    await case.signal("decide", forged)
    await until_unproven(case, "no-statement")
    entry = (await case.kinds(Kind.REFUSED))[0]
    assert entry.data["refusal"] == "unauthenticated"
    assert entry.data["actor"] == "c1"
    assert forged["reason"] not in str(entry.data)
    assert (await case.gate("confirm-known-good")).approvals == 0
    await case.said("Paging security-on-call")
    await case.decide("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    assert len(pages(world)) == 1
    assert "without proof of a person (no-statement)" in pages(world)[0]


async def test_every_signal_of_a_person_is_asked_for_proof(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=staffed(), voice=Voice())
    gate = await case.gate("confirm-known-good")
    stated = {"id": "s-1", "actor": "c1", "role": "commander", "reason": "so it is"}
    forged: dict[str, dict[str, Any]] = {
        "decide": decision(gate, Choice.APPROVE, "c1", "commander"),
        "withdraw": {
            "withdrawal_id": "w-1",
            "decision_id": "d-1",
            "gate": "confirm-known-good",
            "actor": "c1",
            "reason": "so it is",
        },
        "break-glass": {
            "use_id": "u-1",
            "gate": "confirm-known-good",
            "nonce": gate.nonce,
            "actor": "o2",
            "reason": "so it is",
        },
        "attest": {**stated, "step": ROLL_BACK},
        "grade": {**stated, "severity": "SEV-4"},
        "suspect": {**stated, "person": "m1"},
        "determine": {
            "determination_id": "t-1",
            "clock": "gdpr",
            "what": "applicability",
            "value": "not-applicable",
            "reason": "so it is",
            "actor": "l1",
            "role": "counsel",
        },
    }
    for signal, body in forged.items():
        await case.signal(signal, body)
    await case.until_journal(Kind.REFUSED, len(forged))
    told = await case.kinds(Kind.REFUSED)
    assert [e.data["signal"] for e in told] == list(forged)
    assert await why(case) == ["no-statement"] * len(forged)
    assert not await case.kinds(Kind.DECISION)
    await case.by("false-alarm", commander="c1", ml_lead="m1")
    await case.result()
    assert len(pages(world)) == 1  # a flood, one page


async def test_what_is_grave_besides_gates_counts_by_a_fresh_proof_where_the_incident_asks_for_one(
    client: Client, queue: str, world: World
) -> None:
    voice = Voice(besides_gates=True, stepped_up=False)
    case = await Case.open(client, queue, of=staffed(), voice=voice)
    await case.gate("confirm-known-good")
    await case.say("suspect", "l1", "counsel", person="m2")
    await case.say("grade", "c1", "commander", severity="SEV-3")
    clock = {"determination_id": "t-1", "clock": "gdpr", "what": "applicability",
             "value": "not-applicable", "reason": "so it is", "actor": "l1", "role": "counsel"}  # fmt: skip
    await case.signal("determine", await case.signed(clock, "determine"))
    await case.until_journal(Kind.REFUSED, 3)
    assert await case.refusals() == ["step-up-asked"] * 3
    assert "m2" not in str([entry.data for entry in await case.kinds(Kind.REFUSED)])
    await case.say("grade", "c1", "commander", facts={"protected_data_out": "yes"})
    voice.stepped_up = True
    await case.say("suspect", "l1", "counsel", person="m2")
    await case.said("counsel excluded someone")
    assert "protected_data_out" in str([entry.data for entry in await case.journal()])
    assert len(await case.refusals()) == 3
    await case.by("false-alarm", commander="c1", ml_lead="m1")
    await case.result()
    assert not pages(world)  # it is a person's, only not a fresh one: nobody is woken for it


async def test_a_flood_pages_again_after_a_while(
    client: Client, queue: str, temporal: WorkflowEnvironment, world: World
) -> None:
    voice = Voice()
    case = await Case.open(client, queue, voice=voice)
    gate = await case.gate("confirm-known-good")
    for _ in range(20):
        await case.signal("decide", decision(gate, Choice.REJECT, "c1", "commander"))
    await case.until_journal(Kind.REFUSED, 20)
    later = PAGE_AGAIN + timedelta(seconds=2)  # what lies past the last timer really passes
    await temporal.fast_forward(case.handle, later)
    voice.ahead = later
    for _ in range(20):
        await case.signal("decide", decision(gate, Choice.REJECT, "c1", "commander"))
    await case.until_journal(Kind.REFUSED, 40)
    await case.false_alarm()
    await case.result()
    assert len(pages(world)) == 2


async def test_what_was_said_elsewhere_or_to_another_gate_or_twice_counts_no_more(
    client: Client, queue: str, world: World
) -> None:
    voice = Voice()
    elsewhere = await Case.open(client, queue, voice=voice)
    case = await Case.open(client, queue, voice=voice)
    there = await elsewhere.gate("confirm-known-good")
    gate = await case.gate("confirm-known-good")
    acknowledge = await case.gate("acknowledge")
    for_there = await elsewhere.signed(decision(there, Choice.APPROVE, "c1", "commander"))
    await case.signal("decide", for_there)
    await until_unproven(case, "other-incident")
    here = await case.signed(decision(gate, Choice.APPROVE, "c1", "commander"))
    other_gate = {**here, "gate": acknowledge.policy.id, "nonce": acknowledge.nonce}
    await case.signal("decide", other_gate)
    await case.signal("decide", {**here, "choice": "reject"})
    await case.signal("decide", {**here, "actor": "c2"})
    await case.signal("decide", {**here, "role": "ml-on-call"})
    await case.signal("withdraw", _withdrawal(here))
    await case.until_journal(Kind.REFUSED, 6)
    assert await why(case) == [
        "other-incident",
        "other-gate",
        "other-content",
        "other-person",
        "other-role",
        "other-signal",
    ]
    assert not await case.kinds(Kind.DECISION)
    await case.signal("decide", here)
    await case.step(ROLL_BACK, StepState.PROVEN)
    await case.signal("decide", here)
    await case.until_journal(Kind.REFUSED, 7)
    assert (await why(case))[-1] == "used-before"
    assert len(await case.kinds(Kind.DECISION)) == 1
    await case.false_alarm()
    await elsewhere.false_alarm()


def _withdrawal(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "withdrawal_id": said["decision_id"],
        "decision_id": "d-0",
        "gate": said["gate"],
        "actor": said["actor"],
        "reason": said["reason"],
        "statement": said["statement"],
    }


async def test_what_was_refused_once_cannot_be_replayed_when_it_would_fit(
    client: Client, queue: str, world: World
) -> None:
    world.refuse.add("isolate_endpoint")
    case = await Case.open(client, queue, of=staffed(), voice=Voice())
    body = {"id": "a-1", "actor": "o1", "role": "ml-on-call", "reason": "done by hand"}
    early = await case.signed({**body, "step": ROLL_BACK}, "attest")
    await case.signal("attest", early)
    await case.until_refused("not-under-way")
    await case.signal("attest", early)
    await case.until_refused("duplicate")
    assert (await why(case))[-1] == "used-before"


async def test_a_service_or_an_ai_agent_is_nobody(client: Client, queue: str, world: World) -> None:
    voice = Voice()
    case = await Case.open(client, queue, voice=voice)
    gate = await case.gate("confirm-known-good")
    body = decision(gate, Choice.APPROVE, "ci-bot", "commander")
    stolen = await case.signed(body)
    taken = read(stolen["statement"])
    assert taken is not None
    # The gateway itself refuses to sign this.
    lie = taken.statement.model_copy(update={"kind": "service", "method": "token"})
    await case.signal("decide", {**body, "statement": seal(lie, voice.key.private)})
    await until_unproven(case, "not-a-person")


async def test_what_takes_two_pairs_of_eyes_asks_for_a_fresh_proof(
    client: Client, queue: str, world: World
) -> None:
    voice = Voice(stepped_up=False)
    case = await Case.open(client, queue, voice=voice)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.until_journal(Kind.REFUSED, 2)
    assert set(await case.refusals()) == {"step-up-asked"}
    assert (await case.gate("rescore-decisions")).approvals == 0
    voice.stepped_up = True
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.gate("retrain-without-poison")
    assert world.effects["rescore"] == 1
    assert not pages(world)  # nobody lied


async def test_a_gate_can_ask_for_the_persons_own_key(
    client: Client, queue: str, world: World
) -> None:
    own = some_key(3, "c1")
    voice = Voice(also_trusted=(own,))
    gates = {"confirm-known-good": GateOverride(own_key=True)}
    case = await Case.open(client, queue, of=service(gates), voice=voice)
    gate = await case.gate("confirm-known-good")
    assert gate.policy.own_key
    await case.decide("confirm-known-good", actor="c1", role="commander")
    await case.until_refused("own-key-asked")
    body = decision(gate, Choice.APPROVE, "c1", "commander")
    run = (await case.view()).run_id
    signed = voice.signed("decide", body, case.handle.id, run, key=own, method="own-key")
    await case.signal("decide", signed)
    await case.step(ROLL_BACK, StepState.PROVEN)
    decided = (await case.kinds(Kind.DECISION))[0].data
    assert decided["method"] == "own-key"
    assert decided["key"] == own.kid


async def test_a_rotated_key_is_learnt_and_the_old_one_falls_silent_also_in_a_new_run(
    client: Client, queue: str, temporal: WorkflowEnvironment, world: World
) -> None:
    voice, now = Voice(), datetime.now(UTC)
    case = await Case.open(client, queue, voice=voice)
    await case.approve("acknowledge")
    old, new = voice.key, some_key(2)
    stranger = await case.gate("confirm-known-good")
    body = decision(stranger, Choice.APPROVE, "c1", "commander")
    run = (await case.view()).run_id
    unknown = voice.signed("decide", body, case.handle.id, run, key=new)
    await case.signal("decide", unknown)
    await until_unproven(case, "unknown-key")
    certificate = Certificate(
        key=SpeakerKey(public=new.public, since=now), by=old.kid, issued_at=now, retires=now
    )
    voice.key = SigningKey(new.private, (certify(certificate, old.private),))
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    await case.said("A new key speaks, introduced by a known one")
    gate = await case.gate("rescore-decisions")
    late = voice.signed(
        "decide",
        decision(gate, Choice.APPROVE, "s1", "service-owner"),
        case.handle.id,
        run,
        key=old,
    )
    await case.signal("decide", late)
    await case.until_journal(Kind.REFUSED, 2)
    assert (await why(case))[-1] == "key-out-of-time"


async def test_a_key_that_is_over_and_a_statement_that_lay_about_do_not_count(
    client: Client, queue: str, temporal: WorkflowEnvironment, world: World
) -> None:
    world.refuse.add("watch_alias")  # time stands still while one runs
    voice = Voice(until=datetime.now(UTC) + timedelta(hours=3))
    case = await Case.open(client, queue, voice=voice)
    gate = await case.gate("false-alarm")
    withheld = await case.signed(
        decision(gate, Choice.APPROVE, f"p-{uuid.uuid4().hex[:6]}", "commander")
    )
    await temporal.fast_forward(case.handle, timedelta(hours=2))
    await case.signal("decide", withheld)
    await until_unproven(case, "too-old")
    await temporal.fast_forward(case.handle, timedelta(hours=2))
    voice.ahead = timedelta(hours=4)
    await case.decide("false-alarm", role="commander")
    await case.until_journal(Kind.REFUSED, 2)
    assert (await why(case))[-1] == "key-out-of-time"
