"""A month of one incident: thousands of signals in many runs, and each of them in the journal once."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.gate import Choice
from schemas.incident import GateView, Resolution
from schemas.journal import Kind, verify_chain
from tests.workflows.case import Case, alert, decision
from tests.workflows.conftest import FLAGS, IMPATIENT, server, working
from tests.workflows.test_new_runs import deliveries, runs
from tests.workflows.world import World

pytestmark = [pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(600)]

ROUNDS, ALERTS_A_ROUND = 250, 8
DAYS = 31


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A server that finds a history of 600 events long."""
    often = {"limit.historyCount.suggestContinueAsNew": "600"}
    async with server(FLAGS | IMPATIENT | often) as env:
        yield env


@pytest.fixture
async def queue(client: Client, world: World) -> AsyncIterator[str]:
    async with working(client, world) as name:
        yield name


class Month:
    """What was sent to the incident."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.delivered: list[str] = []
        self.decided: list[str] = []

    async def alerts(self) -> None:
        """A delivery of several alerts, each of its own."""
        several = [alert(f"episode {len(self.delivered)}") for _ in range(ALERTS_A_ROUND)]
        await self.case.send(*several)
        self.delivered += [one.delivery_key for one in several]

    async def decides(self, gate: GateView, choice: Choice, role: str = "") -> None:
        """Somebody decides at the gate as it was shown, however long ago."""
        said = decision(gate, choice, f"one-{len(self.decided) % 7}", role)
        await self.case.signal("decide", said)
        self.decided.append(str(said["decision_id"]))


async def test_a_month_with_2000_alerts_and_500_decisions_loses_no_entry(
    client: Client, queue: str, world: World, temporal: WorkflowEnvironment
) -> None:
    case = await Case.open(client, queue, playbook="triage")
    month, before = Month(case), await case.gate("close")
    for number in range(ROUNDS):
        gate = await case.asked_anew(before) if number else before
        await month.alerts()
        if number % 3:
            await month.decides(before, Choice.APPROVE)  # to what was asked last time: too late
        elif number:
            await month.decides(gate, Choice.APPROVE, "visitor")  # in a role that may not
        await month.decides(gate, Choice.REJECT)  # it is asked again
        if number % 25 == 24:
            await temporal.fast_forward(case.handle, timedelta(days=DAYS / 10))
        before = gate
    await month.decides(await case.asked_anew(before), Choice.APPROVE)
    result = await case.result()

    entries = await case.whole_journal(world.journals)
    assert result.resolution is Resolution.TRIAGED
    assert result.closed_at - result.opened_at >= timedelta(days=DAYS - 1)
    assert await runs(case) > 5
    assert len(result.journal_segments) >= await runs(case) - 1
    assert [entry.seq for entry in entries] == list(range(result.journal_length))
    assert verify_chain(entries) == result.journal_head
    assert result.alerts == 1 + 2000
    told = deliveries(entries)
    assert Counter(told[1:]) == Counter(month.delivered)
    assert len(set(told)) == 2001
    said = [str(e.data["decision"]) for e in entries if "decision" in e.data]
    assert Counter(said) == Counter(month.decided)
    assert len(set(said)) == len(month.decided) == 500
    kinds = Counter(e.kind for e in entries if "decision" in e.data)
    assert kinds == {Kind.DECISION: 251, Kind.REFUSED: 249}
    why = Counter(e.data["refusal"] for e in entries if e.kind is Kind.REFUSED)
    assert why == {"late": 166, "not-the-role": 83}
