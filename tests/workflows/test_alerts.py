"""Alerts of one incident: each counted once, each recorded, none lost, in whatever order."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.alert import AlertAction, AlertBatch, episode_mark
from schemas.incident import Containment, Resolution
from schemas.journal import Entry, Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case, alert
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE = "isolate-the-feedback-endpoint"


async def test_an_end_alone_is_closed_after_ten_minutes_and_nothing_is_done(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case = await Case.open(client, queue, alert(action=AlertAction.CLOSE))
    await case.until(lambda v: v.alerts == 1, "it arrived")
    await temporal.fast_forward(case.handle, timedelta(minutes=9))
    assert (await case.view()).resolution is None
    await temporal.fast_forward(case.handle)
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED_BEFORE_FIRING
    assert result.containment is Containment.NONE
    assert not world.effects
    assert result.alerts == 1


@pytest.mark.parametrize("episode", ["e1", "another"])
async def test_a_beginning_that_its_end_overtook_is_responded_to(
    client: Client, queue: str, world: World, episode: str
) -> None:
    case = await Case.open(client, queue, alert("e1", AlertAction.CLOSE))
    await case.until(lambda v: v.alerts == 1, "it arrived")
    await case.send(alert(episode))
    await case.step(ISOLATE, StepState.PROVEN)
    assert (await case.view()).alerts == 2


async def test_what_begins_to_fire_while_closing_is_responded_to_again(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything(leave_open=True)
    await case.gate("close-incident")
    await case.send(alert("e2"))
    await case.approve("close-incident")
    await case.step(f"{ISOLATE}-r2", StepState.PROVEN)
    assert world.effects["isolate"] == 2
    assert "It fired again while closing: responding again" in await case.says()
    kept = {step.id for step in (await case.view()).steps}
    assert {ISOLATE, f"{ISOLATE}-r2"} <= kept
    world.alias_changed.set()
    await case.answer_everything()
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    described = await case.handle.describe()
    marks = await described.memo_value("hemostat_episodes")
    assert marks == [episode_mark("e1"), episode_mark("e2")]


async def test_a_false_alarm_in_the_second_round_leaves_what_the_first_resolved(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything(leave_open=True)
    await case.gate("close-incident")
    await case.send(alert("e2"))
    await case.approve("close-incident")
    await case.step(f"{ISOLATE}-r2", StepState.PROVEN)
    await case.false_alarm()
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert world.alias == "3"  # not back to the poisoned version
    assert world.isolated == {}


async def test_what_fired_before_people_were_asked_to_close_is_shown_to_them_and_answered(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.step(ISOLATE, StepState.PROVEN)
    await case.send(alert("e2"), alert("e3", AlertAction.CLOSE))
    await case.answer_everything(leave_open=True)
    gate = await case.gate("close-incident")
    assert gate.shown == {"severity": "SEV-2", "alerts": 3, "firing": 2}
    await case.approve("close-incident")
    await case.result()
    assert world.effects["isolate"] == 1


async def test_the_same_delivery_counts_once(client: Client, queue: str) -> None:
    first = alert()
    case = await Case.open(client, queue, first)
    await case.send(first)
    await case.send(first, alert())
    view = await case.until(lambda v: v.alerts == 2, "both were counted")
    assert view.alerts == 2
    assert len(await case.kinds(Kind.ALERT)) == 2


async def test_two_thousand_alerts_are_one_incident_and_each_is_recorded(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    model = alert()
    for start in range(0, 2000, 100):
        batch = [
            model.model_copy(update={"delivery_key": f"d{n}", "alert_key": f"a{n % 7}"})
            for n in range(start, start + 100)
        ]
        await case.signal("alert", AlertBatch(alerts=tuple(batch)).model_dump(mode="json"))
    view = await case.until(lambda v: v.alerts == 2001, "all were counted")
    entries: list[Entry] = []
    while not entries or verify_chain(entries) != (await case.view()).journal_head:
        entries = [*await case.journal(), *await case.journal(start=2000)]  # it still responds
    deliveries = {e.data["delivery"] for e in entries if e.kind is Kind.ALERT}
    assert deliveries >= {f"d{n}" for n in range(2000)}
    assert view.id == case.handle.id
    await case.step(ISOLATE, StepState.PROVEN)
    assert world.effects["isolate"] == 1


async def test_a_resolve_during_the_response_is_recorded_and_undoes_nothing_by_itself(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    await case.send(alert(action=AlertAction.CLOSE))
    await case.until(lambda v: v.alerts == 2, "it arrived")
    assert world.isolated == {"feedback": 0}
    await case.gate("confirm-known-good")


async def test_a_body_that_the_gateway_could_not_seal_is_a_declared_gap_once(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    gap = {"name": "alert body 0123", "reason": "the vault did not take it in time"}
    for delivery in ("d-a", "d-b"):  # sent again, it is missing all the same and told once
        late = alert().model_copy(update={"delivery_key": delivery})
        told = AlertBatch(alerts=(late,), extra={"gaps": [gap]})
        await case.signal("alert", told.model_dump(mode="json"))
    garbage = AlertBatch(alerts=(), extra={"gaps": [{"no": "gap"}]})
    await case.signal("alert", garbage.model_dump(mode="json"))
    await case.until(lambda v: v.alerts == 3, "they arrived")
    missing = [e for e in await case.journal() if e.says == "Evidence is missing: alert body 0123"]
    assert [(e.kind, e.data["reason"]) for e in missing] == [(Kind.EVIDENCE, gap["reason"])]
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    gate = await case.gate("retrain-without-poison")
    assert "alert body 0123" in str(gate.shown)
