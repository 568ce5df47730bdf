"""Runaway cost, rehearsed: a closed route is what nobody gets through, whatever the edge says."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from hemostat.testing import Incident, Rehearsal, alert, rehearsal, skipping_temporal
from schemas.canonical import digest_of
from schemas.evidence import Sealed
from schemas.incident import Containment, Resolution
from schemas.ports import gateway, probes
from schemas.ports.port import fulfils
from schemas.step import StepState

HISTORIES = Path(__file__).parent / "histories"
CONFIG = digest_of("the configuration")


class Edge:
    """The gateway, and what is seen through it."""

    def __init__(self) -> None:
        self.closed: set[str] = set()
        self.lies = False
        self.keys: list[str] = []

    @fulfils(gateway.isolate_endpoint)
    async def isolate(self, request: gateway.IsolateEndpoint) -> gateway.Isolation:
        self.keys.append(request.key)
        if not self.lies:
            self.closed.add(request.route)
        return gateway.Isolation(
            route=request.route, changed=True, config_before=CONFIG, config_after=CONFIG
        )

    @fulfils(gateway.restore_endpoint)
    async def restore(self, request: gateway.IsolateEndpoint) -> gateway.Restoration:
        self.closed.discard(request.route)
        return gateway.Restoration(route=request.route, changed=True, config=CONFIG, exact=True)

    @fulfils(gateway.read_endpoint)
    async def read(self, request: gateway.ReadEndpoint) -> gateway.EndpointState:
        by = (request.incident,) if request.route in self.closed else ()
        return gateway.EndpointState(route=request.route, isolated_by=by, admitted=0, config=CONFIG)

    @fulfils(gateway.seal_edge)
    async def seal(self, request: gateway.SealEdge) -> Sealed:
        return Sealed(items=())

    @fulfils(probes.probe_predictions)
    async def probe(self, request: probes.ProbePredictions) -> probes.ProbeResult:
        status = 429 if self.closed else 200
        return probes.ProbeResult(status=status, n=1, accuracy=1.0, negative_share=0.4)


async def burning(stage: Rehearsal) -> Incident:
    """An incident that an alert about 900 an hour opens; looks follow each other at once."""
    quick = {"ceiling": 40.0, "look_every": 0.01, "look_within": 0.1}
    spend = alert("SpendTooHigh", evidence={"spend_per_hour": 900.0})
    return await stage.open("runaway-cost", spend, parameters=quick)


def rehearsed(test: Callable[[Rehearsal, Edge], Awaitable[None]]) -> None:
    """Run *test* on a stage of its own."""

    async def run() -> None:
        edge = Edge()
        async with skipping_temporal() as temporal, rehearsal(temporal, edge) as stage:
            await test(stage, edge)

    asyncio.run(run())


def test_it_closes_the_route_and_opens_it_when_the_commander_says_so() -> None:
    async def test(stage: Rehearsal, edge: Edge) -> None:
        incident = await burning(stage)
        await incident.until_contained()
        gate = await incident.gate("reopen-route")
        assert gate.shown["spend_per_hour"] == 900.0
        assert edge.closed == {"predict"}
        await incident.skip(timedelta(hours=5))  # nobody answers: it holds, and goes up the ladder
        assert {"commander", "deputy-commander"} <= set(stage.pager.roles)
        assert edge.closed == {"predict"}
        await incident.approve("reopen-route")
        assert (await incident.result()).resolution is Resolution.RESOLVED
        assert edge.closed == set()
        if "KEEP" in os.environ:
            await incident.keep(HISTORIES / "resolved")

    rehearsed(test)


def test_an_edge_that_only_says_so_has_contained_nothing() -> None:
    async def test(stage: Rehearsal, edge: Edge) -> None:
        edge.lies = True
        incident = await burning(stage)
        await incident.gate("retry-close-the-route")
        view = await incident.until_step("close-the-route", StepState.DISPROVEN)
        assert view.containment is Containment.UNPROVEN
        assert "commander" in stage.pager.roles
        assert len(edge.keys) == len(set(edge.keys))  # each attempt has a key of its own
        edge.lies = False
        await incident.approve("retry-close-the-route")
        await incident.until_contained()

    rehearsed(test)
