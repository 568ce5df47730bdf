"""Isolate first: containment waits for nobody and counts only when it is proven."""

import asyncio

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Containment, Resolution
from schemas.journal import Kind
from schemas.step import StepState
from tests.workflows.case import Case, alert, service
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

ISOLATE = "isolate-the-feedback-endpoint"
SEALS = ("seal_edge", "seal_registry", "seal_serving", "seal_probes")


async def test_isolation_waits_for_nobody_and_for_nothing(
    client: Client, queue: str, world: World
) -> None:
    for port in (*SEALS[:2], "page", "open_ticket"):
        world.fail[port] = -1
    for port in SEALS[2:]:
        world.stall[port] = asyncio.Event()
    case = await Case.open(client, queue)
    view = await case.step(ISOLATE, StepState.PROVEN)
    assert view.containment is Containment.PROVEN
    assert world.isolated == {"feedback": 0}
    assert world.paused
    assert not world.pages
    for event in world.stall.values():
        event.set()


async def test_what_was_commanded_is_not_yet_contained(
    client: Client, queue: str, world: World
) -> None:
    world.stall["probe_predictions"] = asyncio.Event()
    case = await Case.open(client, queue)
    view = await case.step(ISOLATE, StepState.DONE)
    assert view.containment is Containment.COMMANDED
    assert world.isolated == {"feedback": 0}
    world.stall["probe_predictions"].set()
    view = await case.step(ISOLATE, StepState.PROVEN)
    assert view.containment is Containment.PROVEN


async def test_a_lying_gateway_is_found_out_and_once_it_stops_lying_containment_is_proven(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.lie.add("isolate_endpoint")
    case = await Case.open(client, queue)
    gate = await case.gate(f"retry-{ISOLATE}")
    view = await case.view()
    assert view.containment is Containment.UNPROVEN
    assert world.effects["isolate"] == 0
    assert len(world.keys["isolate_endpoint"]) == 2  # it was tried again by itself
    attempts = [f"{case.handle.id}/{ISOLATE}-{n}" for n in (1, 2)]
    assert set(attempts) <= {page.dedup_key for page in world.page_requests}
    assert gate.policy.roles == ("commander",)

    world.lie.clear()
    await temporal.fast_forward(case.handle, gate.policy.timer)  # nobody answers: it proceeds
    view = await case.step(ISOLATE, StepState.PROVEN)
    assert view.containment is Containment.PROVEN
    assert world.effects["isolate"] == 1
    assert view.steps[-1].id != ISOLATE or view.steps[-1].attempt == 3


async def test_a_canary_that_came_through_before_does_not_disprove_a_later_attempt(
    client: Client, queue: str, world: World
) -> None:
    world.lie.add("isolate_endpoint")
    case = await Case.open(client, queue)
    await case.until(lambda _: len(world.keys.get("isolate_endpoint", ())) == 2, "a second attempt")
    world.lie.clear()
    await case.approve(f"retry-{ISOLATE}")
    await case.step(ISOLATE, StepState.PROVEN)
    assert world.labels


async def test_what_cannot_be_looked_at_is_unprovable_and_never_counts_as_contained(
    client: Client, queue: str, world: World
) -> None:
    world.fail["probe_predictions"] = -1
    case = await Case.open(client, queue)
    await case.gate(f"retry-{ISOLATE}")
    view = await case.view()
    assert next(s for s in view.steps if s.id == ISOLATE).state is StepState.UNPROVABLE
    assert view.containment is Containment.UNPROVEN
    assert world.isolated == {"feedback": 0}  # and stays isolated
    assert any("unprovable" in page.summary for page in world.page_requests)


async def test_a_commander_may_go_on_without_a_step_that_will_not_hold(
    client: Client, queue: str, world: World
) -> None:
    world.refuse.add("isolate_endpoint")
    case = await Case.open(client, queue)
    await case.decide_no(f"retry-{ISOLATE}")
    view = await case.step(ISOLATE, StepState.SKIPPED)
    assert view.containment is Containment.UNPROVEN
    await case.gate("confirm-known-good")


async def test_containment_is_timed_when_it_was_first_proven(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything()
    result = await case.result()
    proofs = [e for e in await case.kinds(Kind.PROOF) if e.data.get("verdict") == "proven"]
    assert result.contained_at is not None
    assert result.proven_at is not None
    first = proofs[0].at
    assert result.proven_at.isoformat()[:19] == first[:19]
    assert result.contained_at <= result.proven_at < result.closed_at


async def test_nothing_is_destroyed_before_evidence_is_sealed(
    client: Client, queue: str, world: World
) -> None:
    world.stall["seal_probes"] = asyncio.Event()
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.step("count-the-affected-decisions", StepState.DONE)
    await asyncio.sleep(0.3)
    assert "rescore-decisions" not in {g.policy.id for g in (await case.view()).gates}
    assert world.effects["rescore"] == 0
    world.stall["seal_probes"].set()
    gate = await case.gate("rescore-decisions")
    assert len(str(gate.shown["evidence"]).split(",")) == 4


async def test_nothing_is_destroyed_while_nothing_at_all_could_be_sealed(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.refuse |= {*SEALS, "watch_alias"}
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.step("count-the-affected-decisions", StepState.DONE)
    await temporal.fast_forward(case.handle, 300.0)
    assert "rescore-decisions" not in {g.policy.id for g in (await case.view()).gates}
    assert f"{case.handle.id}/evidence" in {page.dedup_key for page in world.page_requests}
    world.refuse -= {*SEALS[1:]}
    await temporal.fast_forward(case.handle, 600.0)
    gate = await case.gate("rescore-decisions")
    assert gate.shown["missing"] == ["seal_edge"]
    assert len(str(gate.shown["evidence"]).split(",")) == 3


async def test_evidence_that_does_not_read_back_is_not_sealed(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    world.fail["verify_evidence"] = -1
    world.refuse.add("watch_alias")
    case = await Case.open(client, queue)
    await case.approve("confirm-known-good")
    await case.step("count-the-affected-decisions", StepState.DONE)
    await case.until(lambda _: world.calls["verify_evidence"] >= 3, "it is read back")
    assert "rescore-decisions" not in {g.policy.id for g in (await case.view()).gates}
    world.fail.clear()
    await temporal.fast_forward(case.handle, 600.0)
    await case.gate("rescore-decisions")


async def test_an_alert_that_cannot_be_read_is_contained_all_the_same(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open_with(client, queue, {"alerts": [{"title": "half an alert"}]})
    await case.step(ISOLATE, StepState.PROVEN)
    assert "An alert signal could not be read" in await case.says()
    await case.gate("confirm-known-good")


async def test_numbers_that_no_json_carries_do_not_stop_containment(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue, alert(rise=1e308 * 10, odd=-1e308 * 10))
    await case.step(ISOLATE, StepState.PROVEN)


async def test_a_service_without_a_pager_is_contained_and_the_journal_says_who_was_not_called(
    client: Client, queue: str, world: World
) -> None:
    plain = service()
    connections = {k: v for k, v in plain.connections.items() if k != "pager"}
    unpaged = plain.model_copy(update={"connections": connections})
    case = await Case.open(client, queue, of=unpaged)
    await case.step(ISOLATE, StepState.PROVEN)
    assert "No pager configured: ml-on-call was not called" in await case.says()
    await case.answer_everything()
    assert (await case.result()).resolution is Resolution.RESOLVED
