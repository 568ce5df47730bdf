"""Runaway cost: something burns the budget of a model API; its route is closed until that is found.

Agents in a loop, a stolen key and a flood of long prompts look the same on the bill. A closed route
costs less than the hours in which people look for the cause, so it comes first.
"""

from datetime import timedelta
from typing import Any

from schemas.base import Frozen
from schemas.containment_rule import ContainmentRuling, Scores, isolate_first
from schemas.gate import GatePolicy
from schemas.incident import Resolution, Severity
from schemas.ports import gateway, paging, probes, vault
from workflows.engine import Check, Playbook, Proof, checks, do, playbook

REOPEN = GatePolicy(
    id="reopen-route",
    asks="Is the cause gone? Approving opens the route again and closes the incident.",
    roles=("commander",),
    timer=timedelta(hours=4),
    ladder=("deputy-commander",),
)


class Parameters(Frozen):
    """What a service says about itself for this playbook."""

    ceiling: float
    """What it may cost an hour, in the currency of the alert's `spend_per_hour`."""
    route: str = "predict"
    look_every: timedelta = timedelta(seconds=10)
    look_within: timedelta = timedelta(minutes=5)


@playbook(
    id="runaway-cost",
    title="Runaway cost of a model API",
    capabilities=(gateway, paging, probes, vault),
    parameters=Parameters,
    atlas=("AML.T0034",),
    csf=("RS.MA-02", "RS.MI-01"),
)
class RunawayCost(Playbook[Parameters]):
    """Something burns the budget of a model API."""

    async def respond(self) -> Resolution:
        """Close the route, prove it, let people find the cause, open it again."""
        self.record.grade(Severity.SEV3, "the budget of a model API is being burnt")
        self.page_commander("runaway-cost", "A model API burns its budget")
        self.seal(do(gateway.seal_edge, gateway.SealEdge()))

        if await self.may_contain(self.rule()):
            await self.close_the_route()

        await self.agreed_to_close(REOPEN, {"route": self.parameters.route, **self.spent()})
        await self.take_back_all("the cause is gone")
        return Resolution.RESOLVED

    def rule(self) -> ContainmentRuling:
        """Close it first? Scored from what the monitor measured; unknown counts as too much."""
        spent, ceiling = self.spent().get("spend_per_hour"), self.parameters.ceiling
        harm = 2 if spent is None else 3 if spent > 3 * ceiling else 2 if spent > ceiling else 1
        scores = Scores(harm=harm, uncertainty=1, business_cost=2, irreversibility=0)
        return isolate_first(scores, inputs={"ceiling": ceiling, **self.spent()})

    def spent(self) -> dict[str, float]:
        """The number in the alert that opened this; people see it at the gate."""
        alert = self.intake.first_firing()
        told = alert.evidence if alert else {}
        return {name: told[name] for name in ("spend_per_hour",) if name in told}

    async def close_the_route(self) -> None:
        """Nobody gets through, seen from outside; the way back is known before the act."""
        route = self.parameters.route
        closing = gateway.IsolateEndpoint(route=route, status=429)
        await self.contain(
            "Close the route",
            do(gateway.isolate_endpoint, closing),
            proof=self.looks(nobody_gets_through()),
            undo=[do(gateway.restore_endpoint, closing)],
            undo_proof=self.looks(
                checks.route_is_open(self.incident, route), checks.predictions_answer()
            ),
        )

    def looks(self, *seen: Check[Any, Any]) -> Proof:
        """All of it, three times in a row."""
        p = self.parameters
        return Proof(seen, polls=3, every=p.look_every, within=p.look_within)


def nobody_gets_through() -> Check[probes.ProbePredictions, probes.ProbeResult]:
    """A request from outside is refused: another path than the gateway's own word."""
    return Check(
        "a request from outside is refused",
        probes.probe_predictions,
        lambda _: probes.ProbePredictions(),
        lambda seen: seen.status >= 400,
    )
