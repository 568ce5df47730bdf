"""An incident that goes on in new runs all the time: nothing lost, nothing done or asked twice."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.alert import AlertBatch
from schemas.gate import Choice
from schemas.incident import Containment, Resolution
from schemas.journal import Entry, Kind, verify_chain
from schemas.step import StepState
from tests.workflows.case import Case, alert, decision, service
from tests.workflows.conftest import actor, decider, working
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE, ROLL_BACK = "isolate-the-feedback-endpoint", "roll-the-model-back"


@pytest.fixture
def client(impatient_temporal: WorkflowEnvironment) -> Client:
    return impatient_temporal.client


@pytest.fixture
async def queue(client: Client, world: World) -> AsyncIterator[str]:
    async with working(client, world) as name:
        yield name


async def runs(case: Case) -> int:
    """How many runs the incident took."""
    query = f"WorkflowId = '{case.handle.id}'"
    deadline = asyncio.get_running_loop().time() + 10
    while True:
        count = (await case.client.count_workflows(query)).count
        if count > 1 or asyncio.get_running_loop().time() > deadline:
            return count
        await asyncio.sleep(0.1)


async def waited(holds: Callable[[], bool]) -> None:
    """Wait until *holds*, but not for ever."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def only_under_way(case: Case, name: str) -> None:
    """Wait until the server has the answers of all other acts."""
    async with asyncio.timeout(20):
        while True:
            pending = (await case.handle.describe()).raw_description.pending_activities
            if [act.activity_type.name for act in pending] == [name]:
                return
            await asyncio.sleep(0.02)


async def storm(case: Case, name: str) -> set[str]:
    """Alerts that lengthen the history until a new run begins; returns their deliveries."""
    before = await case.ask("segments")
    sent: list[str] = []
    deadline = asyncio.get_running_loop().time() + 15
    while await case.ask("segments") == before:
        assert asyncio.get_running_loop().time() < deadline, await case.told()
        sent.append(f"{name}-{len(sent)}")
        late = alert().model_copy(update={"delivery_key": sent[-1]})
        await case.signal("alert", AlertBatch(alerts=(late,)).model_dump(mode="json"))
    return {*sent}


def deliveries(entries: list[Entry]) -> list[str]:
    return [str(e.data["delivery"]) for e in entries if e.kind is Kind.ALERT]


async def test_what_is_stopped_just_as_a_new_run_begins_holds_nothing_up(
    client: Client, world: World
) -> None:
    queue = f"q-{uuid.uuid4().hex[:8]}"
    archive, look = asyncio.Event(), asyncio.Event()
    async with actor(client, queue, world):
        async with decider(client, queue):
            case = await Case.open(client, queue, of=service(stages=[100], stage_looks=1))
            await case.approve("confirm-known-good")
            await case.approve("rescore-decisions", "service-owner", "ml-lead")
            await case.approve("retrain-without-poison", "data-owner", "ml-lead")
            await case.gate("re-enable-feedback")
            world.stall |= {"archive_journal": archive, "probe_predictions": look}
            for n in range(60):  # so many that a new run is to begin
                late = alert().model_copy(update={"delivery_key": f"meanwhile-{n}"})
                await case.signal("alert", AlertBatch(alerts=(late,)).model_dump(mode="json"))
            looks, archived = world.calls["probe_predictions"], world.calls["archive_journal"]
            await case.approve("re-enable-feedback", "commander", "ml-lead")
            await waited(lambda: world.calls["probe_predictions"] > looks)
            await waited(lambda: world.calls["archive_journal"] > archived)
        # The last look ends the watch over the alias in the task in which the new run begins.
        for event in (archive, look):
            event.set()
        await only_under_way(case, "watch_alias")
        async with decider(client, queue):
            await case.approve("close-incident")
            assert (await case.result()).resolution is Resolution.RESOLVED


async def test_a_whole_response_in_many_runs_is_the_response_in_one(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything()
    result = await case.result()
    entries = await case.whole_journal(world.journals)
    assert await runs(case) > 3
    assert result.resolution is Resolution.RESOLVED
    assert [entry.seq for entry in entries] == list(range(result.journal_length))
    assert verify_chain(entries) == result.journal_head
    assert result.journal_segments == tuple(await case.ask("segments"))
    assert world.deeds.count("isolate") == 1
    assert {what: n for what, n in world.effects.items() if n > 1 and what != "page"} == {}
    assert world.calls["isolate_endpoint"] == 1
    assert world.calls["move_alias"] == 1
    assert world.calls["retrain_without_poison"] == 1
    assert world.alias == "3"
    assert world.isolated == {}
    assert set(world.pages.values()) == {"resolved"}
    says = [entry.says for entry in entries]
    for once in (
        "Phase: containment",
        "Phase: eradication",
        "Phase: recovery",
        "Isolate the feedback endpoint: proven",
        "Roll the model back: proven",
        "Asked: Roll back to this version?",
        "Asked: Open the feedback again, in stages?",
        "Sealed: registry",
    ):
        assert says.count(once) == 1, once


async def test_alerts_that_arrive_meanwhile_are_each_recorded_once(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    sent = await storm(case, "a") | await storm(case, "b") | await storm(case, "c")
    sent |= await storm(case, "b")  # mostly the same deliveries again, in a later run
    view = await case.until(lambda v: v.alerts == len(sent) + 1, "all were counted once")
    entries = await case.whole_journal(world.journals)
    assert verify_chain(entries) == view.journal_head
    seen = deliveries(entries)
    assert len(seen) == len(set(seen))
    assert {*seen} > sent
    assert world.effects["isolate"] == 1


async def test_an_open_gate_keeps_its_nonce_and_its_digest(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    before = await case.gate("confirm-known-good")
    answer = decision(before, Choice.APPROVE, "ada")
    await storm(case, "a")
    after = await case.gate("confirm-known-good")
    assert (after.nonce, after.digest, after.shown) == (before.nonce, before.digest, before.shown)
    assert after.opened_at == before.opened_at
    await case.signal("decide", answer)
    await case.step(ROLL_BACK, StepState.PROVEN)
    await storm(case, "b")
    await case.signal("decide", answer)
    await case.until_journal(Kind.REFUSED, 1)
    assert (await case.refusals())[-1] in ("late", "duplicate")
    assert world.effects["move alias"] == 1


async def test_half_a_quorum_is_carried_over(client: Client, queue: str, world: World) -> None:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.approve("retrain-without-poison", "data-owner")
    await storm(case, "a")
    await case.approve("retrain-without-poison", "ml-lead")
    await case.gate("re-enable-feedback")
    assert world.effects["retrain"] == 1


async def test_a_false_alarm_judged_in_a_later_run_undoes_what_earlier_runs_did(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    await storm(case, "a")
    await storm(case, "b")
    await case.false_alarm()
    result = await case.result()
    assert result.resolution is Resolution.FALSE_ALARM
    assert world.alias == "5"
    assert world.isolated == {}
    assert not world.paused
    assert world.deeds[-4:] == ["move alias", "reload", "resume", "restore"]
    assert verify_chain(await case.whole_journal(world.journals)) == result.journal_head


async def test_the_watch_goes_on_in_a_later_run(client: Client, queue: str, world: World) -> None:
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.step(ROLL_BACK, StepState.PROVEN)
    await storm(case, "a")
    world.someone_moves_the_alias("5")
    gate = await case.gate("put-alias-back")
    await storm(case, "b")
    assert (await case.gate("put-alias-back")).nonce == gate.nonce
    await case.approve("put-alias-back")
    await case.until(lambda v: v.containment is Containment.PROVEN, "proven again")
    assert world.alias == "3"


async def test_a_step_that_waits_for_people_to_try_again_is_not_tried_by_a_new_run(
    client: Client, queue: str, world: World
) -> None:
    world.lie.add("isolate_endpoint")
    case = await Case.open(client, queue)
    before = await case.gate(f"retry-{ISOLATE}")
    calls = world.calls["isolate_endpoint"]
    await storm(case, "a")
    assert (await case.gate(f"retry-{ISOLATE}")).nonce == before.nonce
    assert world.calls["isolate_endpoint"] == calls
    world.lie.clear()
    await case.approve(f"retry-{ISOLATE}")
    await case.step(ISOLATE, StepState.PROVEN)
    keys = {key.rsplit("/", 1)[1] for key in world.keys["isolate_endpoint"]}
    assert keys == {"1", "2", "3"}


async def test_stages_go_on_where_they_were_and_a_breach_is_counted_over_runs(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, of=service(stage_looks=5))
    await case.approve("confirm-known-good")
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.decide_no("retrain-without-poison")
    first = await case.gate("re-enable-feedback")
    world.breach = 1
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    again = await case.asked_anew(first)
    world.breach = 0
    await storm(case, "a")
    assert (await case.gate("re-enable-feedback")).nonce == again.nonce
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert [world.effects[f"admit {p}"] for p in (1, 10, 50, 100)] == [2, 1, 1, 1]
    assert world.calls["admit_cohort"] == 5
    entries = await case.whole_journal(world.journals)
    assert verify_chain(entries) == result.journal_head
    assert sum(e.says.startswith("Asked: Open the feedback") for e in entries) == 2


async def test_a_page_that_the_pager_had_not_taken_is_said_again(
    client: Client, queue: str, world: World
) -> None:
    world.fail["page"] = -1
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    await storm(case, "a")
    assert not world.pages
    world.fail.clear()
    await case.until(lambda _: world.pages.get(case.handle.id) == "triggered", "paged at last")


async def test_a_vault_that_is_down_delays_the_new_run_and_ends_nothing(
    client: Client, queue: str, world: World, impatient_temporal: WorkflowEnvironment
) -> None:
    world.fail["archive_journal"] = -1
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    await case.until(lambda _: world.calls["archive_journal"] >= 2, "it is tried")
    assert await case.ask("segments") == []
    world.fail.clear()
    await storm(case, "a")
    assert (
        verify_chain(await case.whole_journal(world.journals)) == (await case.view()).journal_head
    )


async def test_what_fired_before_a_new_run_is_not_forgotten_at_the_close(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything(leave_open=True)
    await case.gate("close-incident")
    await case.send(alert("e2"))
    await storm(case, "a")
    await case.approve("close-incident")
    await case.step(f"{ISOLATE}-r2", StepState.PROVEN)


async def test_an_incident_without_a_vault_goes_on_too_and_says_where_its_journal_is(
    client: Client, queue: str, world: World
) -> None:
    plain = service().model_copy(update={"connections": {"pager": "pager"}, "parameters": {}})
    case = await Case.open(client, queue, playbook="triage", of=plain)
    for n in range(40):
        late = alert().model_copy(update={"delivery_key": f"d{n}"})
        await case.send(late)
    await case.until(lambda v: v.alerts == 41, "all were counted")
    assert await runs(case) > 1
    view = await case.gate("close")
    await case.signal("decide", decision(view, Choice.APPROVE, "ada"))
    assert (await case.result()).resolution is Resolution.TRIAGED
