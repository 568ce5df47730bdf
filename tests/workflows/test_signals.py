"""Whatever is signalled to an incident: journaled with a reason, changing nothing, failing nothing."""

import asyncio
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import RawValue

from schemas.canonical import digest_of
from schemas.gate import Choice
from schemas.incident import GateView, Resolution
from schemas.journal import Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case, decision
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE = "isolate-the-feedback-endpoint"


def nested(depth: int) -> RawValue:
    """JSON too deep for most parsers."""
    text = b'{"a":' * depth + b"1" + b"}" * depth
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=text))


def raw(encoding: bytes, data: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


MALFORMED: dict[str, list[Any]] = {
    "a string": ["approve"],
    "a list": [["approve"]],
    "no arguments": [],
    "two arguments": [{"decision_id": "1"}, {"decision_id": "2"}],
    "bytes": [b"\x00\xff"],
    "nothing": [None],
    "a huge reason": [{"decision_id": "1", "reason": "x" * 1_000_000}],
    "many fields": [{f"field {n}": n for n in range(3000)}],
    "deep": [nested(150)],
    "deeper than any parser": [nested(50_000)],
    "broken json": [raw(b"json/plain", b'{"decision_id": ')],
    "half a character": [raw(b"json/plain", b'{"decision_id": "\\ud800", "\\udfff": 1}')],
    "an encoding of its own": [raw(b"binary/encrypted", b"?")],
    "an encoding that is no text": [raw(b"\xff\xfe", b"?")],
    "numbers beyond json": [raw(b"json/plain", b'{"gate": 1e999, "role": NaN}')],
}


@pytest.fixture
async def waiting(client: Client, queue: str) -> Case:
    """An incident that waits for the choice of a version."""
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    await case.step(ISOLATE, StepState.PROVEN)
    return case


async def refused(case: Case, count: int) -> list[str]:
    """The refusals, once there are as many."""
    await case.until_journal(Kind.REFUSED, count)
    return await case.refusals()


async def test_malformed_decisions_and_alerts_change_nothing_and_are_all_journaled(
    waiting: Case, world: World
) -> None:
    before = await waiting.view()
    for args in MALFORMED.values():
        await waiting.signal("decide", *args)
        await waiting.signal("alert", *args)
    seen = await refused(waiting, 2 * len(MALFORMED))
    assert seen.count("malformed") == len(MALFORMED)
    assert seen.count("An alert signal could not be read") == len(MALFORMED)
    after = await waiting.view()
    assert after.gates == before.gates
    assert after.alerts == 1
    assert verify_chain(await waiting.journal()) == after.journal_head
    entries = await waiting.kinds(Kind.REFUSED)
    assert max(len(entry.model_dump_json()) for entry in entries) < 2000
    await waiting.approve("confirm-known-good")  # and it goes on
    await waiting.step("roll-the-model-back", StepState.PROVEN)


async def test_signals_of_other_names_are_journaled_and_change_nothing(waiting: Case) -> None:
    await waiting.signal("approve", {"yes": True})
    await waiting.signal("x" * 500, b"\x00")
    await waiting.signal("Decide")
    assert await refused(waiting, 3) == ["A signal that no incident takes"] * 3
    assert (await waiting.handle.describe()).status is WorkflowExecutionStatus.RUNNING


def changed(view: GateView, **fields: Any) -> dict[str, Any]:
    """A good decision with something wrong about it."""
    return decision(view, Choice.APPROVE, "ada") | fields


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"nonce": "of-an-earlier-time"}, "stale-nonce"),
        ({"digest": digest_of("something else")}, "other-exhibit"),
        ({"gate": "close-incident"}, "early"),
        ({"gate": "no-such-gate"}, "early"),
        ({"gate": "false-alarm"}, "stale-nonce"),
        ({"role": "visitor"}, "not-the-role"),
        ({"choice": "maybe"}, "malformed"),
        ({"actor": ""}, "malformed"),
        ({"reason": ""}, "malformed"),
        ({"digest": "md5:0"}, "malformed"),
        ({"admin": True}, "malformed"),
    ],
)
async def test_a_decision_with_anything_wrong_about_it_counts_for_nothing(
    waiting: Case, world: World, wrong: dict[str, Any], reason: str
) -> None:
    view = await waiting.gate("confirm-known-good")
    await waiting.signal("decide", changed(view, **wrong))
    assert await refused(waiting, 1) == [reason]
    assert (await waiting.gate("confirm-known-good")) == view
    assert world.effects["move alias"] == 0


async def test_early_late_and_repeated_decisions_count_for_nothing(
    waiting: Case, world: World
) -> None:
    view = await waiting.gate("confirm-known-good")
    approval = decision(view, Choice.APPROVE, "ada")
    await waiting.signal("decide", approval)
    await waiting.gate("rescore-decisions")
    await waiting.signal("decide", approval)
    await waiting.signal("decide", changed(view, decision_id="another"))
    assert await refused(waiting, 2) == ["duplicate", "late"]
    assert world.effects["move alias"] == 1
    assert world.effects["rescore"] == 0


async def test_a_decision_for_an_earlier_asking_of_the_same_gate_is_late(waiting: Case) -> None:
    first = await waiting.gate("confirm-known-good")
    await waiting.decide_no("confirm-known-good")
    await waiting.asked_anew(first)
    await waiting.signal("decide", changed(first))
    assert await refused(waiting, 1) == ["late"]
    assert "confirm-known-good" in {g.policy.id for g in (await waiting.view()).gates}


async def test_an_approval_for_the_gate_of_another_incident_counts_for_nothing(
    client: Client, queue: str, waiting: Case
) -> None:
    other = await Case.open(client, queue)
    elsewhere = await other.gate("confirm-known-good")
    await waiting.signal("decide", decision(elsewhere, Choice.APPROVE, "ada"))
    assert await refused(waiting, 1) == ["stale-nonce"]


async def test_a_refused_decision_is_journaled_with_who_and_why_and_no_more(waiting: Case) -> None:
    view = await waiting.gate("confirm-known-good")
    await waiting.signal("decide", changed(view, role="visitor", reason="let <b>me</b> in"))
    await refused(waiting, 1)
    (entry,) = await waiting.kinds(Kind.REFUSED)
    assert entry.says == "A decision changed nothing: not-the-role"
    assert entry.data["actor"] == "ada"
    assert entry.data["reason"] == "let <b>me</b> in"


async def test_a_cancel_request_from_temporal_is_journaled_paged_and_not_obeyed(
    waiting: Case, world: World
) -> None:
    await waiting.handle.cancel()
    assert await refused(waiting, 1) == [
        "Someone with access to Temporal asked to cancel: not obeyed"
    ]
    await waiting.until(
        lambda _: any(p.dedup_key.endswith("/cancel") for p in world.page_requests), "paged"
    )
    assert world.isolated == {"feedback": 0}
    await waiting.answer_everything()
    result = await waiting.result()
    assert result.resolution is Resolution.RESOLVED
    assert (await waiting.handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_cancel_request_before_containment_does_not_prevent_it(
    client: Client, queue: str, world: World
) -> None:
    world.stall["isolate_endpoint"] = asyncio.Event()
    case = await Case.open(client, queue)
    await case.handle.cancel()
    await refused(case, 1)
    world.stall["isolate_endpoint"].set()
    await case.step(ISOLATE, StepState.PROVEN)
    assert world.isolated == {"feedback": 0}
