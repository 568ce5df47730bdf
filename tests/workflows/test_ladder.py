"""Who is called, when, if nobody answers; virtual minutes on a real server."""

from datetime import datetime, timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.gate import Event
from schemas.incident import GateOverride
from schemas.journal import Kind
from tests.workflows.case import Case, service
from tests.workflows.world import World

pytestmark = pytest.mark.temporal


def minutes_after(opened: datetime, at: str) -> float:
    return round((datetime.fromisoformat(at) - opened).total_seconds() / 60, 2)


async def test_nobody_acknowledging_calls_the_secondary_after_five_minutes_the_commander_after_ten(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.fail["compare_with_shadow"] = -1  # hold the response where it is
    case = await Case.open(client, queue)
    gate = await case.gate("acknowledge")
    await temporal.fast_forward(case.handle, timedelta(minutes=16))
    rows = [e for e in await case.kinds(Kind.GATE) if e.data.get("gate") == "acknowledge"]
    happened = [
        (entry.data["event"], minutes_after(gate.opened_at, entry.at))
        for entry in rows
        if "event" in entry.data
    ]
    assert happened == [
        (Event.ESCALATED, 5.0),
        (Event.REMINDER, 7.5),
        (Event.ESCALATED, 10.0),
        (Event.REMINDER, 11.25),
        (Event.REMINDER, 13.5),
        (Event.HELD, 15.0),
    ]
    told = [p.role for p in world.page_requests if "acknowledge" in p.dedup_key]
    assert told == [
        "ml-secondary",
        "ml-on-call",
        "commander",
        "ml-on-call",
        "ml-on-call",
        "ml-on-call",
    ]
    view = await case.view()
    assert next(g for g in view.gates if g.policy.id == "acknowledge").held


async def test_once_the_secondary_was_called_the_secondary_may_take_it(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.fail["compare_with_shadow"] = -1
    case = await Case.open(client, queue)
    await case.gate("acknowledge")
    await case.decide("acknowledge", role="ml-secondary")
    await case.until_journal(Kind.REFUSED, 1)
    assert await case.refusals() == ["not-the-role"]
    await temporal.fast_forward(case.handle, timedelta(minutes=6))
    await case.decide("acknowledge", role="ml-secondary")
    await case.said("Gate acknowledge: approved")
    await case.until(lambda _: world.pages[case.handle.id] == "acknowledged", "the page is taken")


async def test_an_acknowledged_page_calls_nobody_else(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.fail["compare_with_shadow"] = -1
    case = await Case.open(client, queue)
    await case.approve("acknowledge")
    await case.said("Gate acknowledge: approved")
    await temporal.fast_forward(case.handle, timedelta(minutes=20))
    assert not [p for p in world.page_requests if "acknowledge-" in p.dedup_key]


async def test_a_service_may_have_its_own_timers(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    quick = GateOverride(timer=timedelta(minutes=2), ladder_every=timedelta(seconds=30))
    case = await Case.open(
        client, queue, of=service({"acknowledge": quick, "confirm-known-good": quick})
    )
    gate = await case.gate("confirm-known-good")
    assert gate.policy.timer == timedelta(minutes=2)
    assert gate.deadline == gate.opened_at + timedelta(minutes=2)
    assert gate.policy.quorum == 1
    await temporal.fast_forward(case.handle, timedelta(minutes=2))
    await case.said("Gate confirm-known-good: proceeded-by-policy")
    assert "commander" in {p.role for p in world.page_requests}
