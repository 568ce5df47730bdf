"""Runs that end otherwise: terminated, reset, timed out or deleted, seen or not, all are sealed."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowFailureError

from hemostat.audit.account.reading import record_at, record_of
from hemostat.audit.pack.reader import Pack
from hemostat.audit.register import Register
from hemostat.audit.sealer import seal_all
from hemostat.audit.sealing import read_checkpoints
from hemostat.audit.store import place_of
from hemostat.audit.verify.pack import verify_pack
from schemas.audit.chain import Link
from schemas.audit.checkpoint import Outcome
from schemas.journal import Kind
from tests.audit.conftest import Room, registered, room, until
from tests.workflows.case import Case, alert

pytestmark = pytest.mark.temporal


async def test_a_run_terminated_while_nobody_looked_is_sealed(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts:
        async with parts.sealing():
            case = await Case.open(client, parts.queue, playbook="triage")
            await case.gate("close")
            await until(lambda: bool(sealed(parts, case)), "its opening is sealed")
        await case.handle.terminate(reason="somebody wanted it gone")
        await seal_all(parts.sealer())
        pack = parts.export(case.handle.id)
        assert verify_pack(pack, parts.trust).findings == ()
        assert list(Pack.open(pack).checkpoints())[-1].body.outcome is Outcome.TERMINATED
        assert next(iter(Pack.open(pack).journal())).kind is Kind.OPENED
        told = (await asyncio.to_thread(record_at, pack)).ending or ""
        assert told.startswith("the workflow was terminated by one who called themselves")
        assert told.endswith("with the reason “somebody wanted it gone”")
        live = await record_of(client, case.handle.id, parts.vault)
        assert live.ending == "the workflow was terminated"


async def test_a_workflow_deleted_while_it_was_open_is_noticed_as_missing(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts, parts.sealing():
        case = await Case.open(client, parts.queue, playbook="triage")
        await case.gate("close")
        await until(lambda: bool(sealed(parts, case)), "its opening is sealed")
        request = DeleteWorkflowExecutionRequest(namespace=client.namespace)
        request.workflow_execution.CopyFrom(WorkflowExecution(workflow_id=case.handle.id))
        await client.workflow_service.delete_workflow_execution(request)
        await registered(parts, case.handle.id)
        pack = parts.export(case.handle.id)
        verdict = verify_pack(pack, parts.trust)
        assert {finding.code for finding in verdict.findings} <= {
            "incident-deleted",
            "temporal-altered",
        }
        assert not verdict.held
        told = await asyncio.to_thread(record_at, pack)
        # Temporal ends what it deletes: whichever the sealer came upon first is told.
        ending = told.ending or ""
        terminated = "the workflow was terminated by one who called themselves"
        assert ending == "the workflow was deleted from Temporal" or (
            ending.startswith(terminated) and "Delete workflow" in ending
        )


async def test_a_reset_makes_another_run_in_the_same_chain(client: Client, tmp_path: Path) -> None:
    async with room(client, tmp_path) as parts, parts.sealing():
        case = await Case.open(client, parts.queue, playbook="triage")
        await case.gate("close")
        await until(lambda: bool(sealed(parts, case)), "its opening is sealed")
        request = ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=case.handle.id),
            reason="an attacker replays it from its beginning",
            workflow_task_finish_event_id=4,
            request_id="r1",
        )
        await client.workflow_service.reset_workflow_execution(request)
        again = Case(client, client.get_workflow_handle(case.handle.id))
        # It ends a run without waking who waits for its events, and this server lets them wait.
        await until(lambda: Link.RESET in followed(parts, case), "the new run is followed")
        await again.approve("acknowledge")
        await again.approve("close")
        await again.result()
        await registered(parts, case.handle.id)
        pack = Pack.open(parts.export(case.handle.id))
        links = [held.body.run.link for held in pack.checkpoints()]
        assert links[0] is Link.START
        assert links[-1] is Link.RESET
        assert len(pack.manifest.runs) == 2
        verdict = verify_pack(parts.export(case.handle.id), parts.trust)
        assert verdict.findings == ()


async def test_events_are_here_soon_after_they_are_there(client: Client, tmp_path: Path) -> None:
    async with room(client, tmp_path) as parts, parts.sealing() as sealer:
        case = await Case.open(client, parts.queue, playbook="triage")
        await until(lambda: bool(sealed(parts, case)), "its opening is sealed")
        for _ in range(4):  # one after the other, so that each comes in a page of its own
            before = sealer.lag.seen
            await case.send(alert())
            await until(lambda: sealer.lag.seen > before, "an alert is seen live")  # noqa: B023 - awaited here
        for gate in ("acknowledge", "close"):
            await case.approve(gate)
        await case.result()
        await registered(parts, case.handle.id)
        assert sealer.lag.seen > 3
        assert sorted(sealer.lag.all)[len(sealer.lag.all) // 2] < 1.0


async def test_an_incident_without_a_worker_is_sealed_and_the_gap_declared(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts:
        handle = await client.start_workflow(
            "nobody", id="nobodys-incident", task_queue="nobody-works-here"
        )
        await handle.terminate("enough")
        await asyncio.wait_for(seal_all(parts.sealer(patience=0)), 60)
        last = list(Pack.open(parts.export("nobodys-incident")).checkpoints())[-1].body
        assert any("journal" in gap for gap in last.gaps)


async def test_a_run_that_timed_out_while_nobody_looked_is_sealed_by_the_sweeper(
    client: Client, tmp_path: Path
) -> None:
    async with room(client, tmp_path) as parts:
        handle = await client.start_workflow(
            "nobody",
            id="timed-out",
            task_queue="nobody-works-here",
            execution_timeout=timedelta(seconds=1),
        )
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        async with parts.sealing(parts.sealer(patience=0)):
            await registered(parts, "timed-out")
        pack = parts.export("timed-out")
        assert verify_pack(pack, parts.trust).findings == ()
        assert list(Pack.open(pack).checkpoints())[-1].body.outcome is Outcome.TIMED_OUT


def followed(parts: Room, case: Case) -> list[Link]:
    """How the runs began that its checkpoints cover by now, in order."""
    places = {name.rpartition("/")[0] for name in sealed(parts, case)}
    return [held.body.run.link for place in places for held in read_checkpoints(parts.store, place)]


def sealed(parts: Room, case: Case) -> list[str]:
    """What is sealed of it by now."""
    register = Register(parts.store)
    register.catch_up()
    return [
        name
        for known in register.opened
        if known[0] == case.handle.id
        for name in parts.store.names(place_of(*known))
    ]
