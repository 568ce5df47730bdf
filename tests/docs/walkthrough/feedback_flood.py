"""Feedback flood: somebody drowns the label store; the route is closed until a person opens it."""

from datetime import timedelta
from typing import Any

from schemas.base import Frozen
from schemas.gate import GatePolicy
from schemas.incident import Resolution, Severity
from schemas.ports import gateway, paging, probes
from workflows.engine import Check, Playbook, Proof, checks, do, playbook

REOPEN = GatePolicy(
    id="reopen",
    asks="Is the flood over? Approving opens the feedback again and closes the incident.",
    roles=("commander",),
    timer=timedelta(hours=4),
)


class Parameters(Frozen):
    """What a service says about itself for this playbook."""

    feedback_route: str = "feedback"
    look_every: timedelta = timedelta(seconds=10)
    look_within: timedelta = timedelta(minutes=5)


@playbook(
    id="feedback-flood",
    title="Flood of feedback",
    capabilities=(gateway, paging, probes),
    parameters=Parameters,
)
class FeedbackFlood(Playbook[Parameters]):
    """A flood of feedback is shut out until it is over."""

    async def respond(self) -> Resolution:
        """Close the route, prove it, wait for a person, open it again."""
        route = self.parameters.feedback_route
        closing = gateway.IsolateEndpoint(route=route, status=429)
        self.record.grade(Severity.SEV3, "the label store is flooded")
        self.page_commander("flood", "The label store is flooded")
        await self.contain(
            "Close the feedback endpoint",
            do(gateway.isolate_endpoint, closing),
            proof=self.looks(refused(self.nonce()), checks.predictions_answer()),
            undo=[do(gateway.restore_endpoint, closing)],
            undo_proof=self.looks(checks.route_is_open(self.incident, route)),
        )
        await self.agreed_to_close(REOPEN, {"route": route})
        await self.take_back_all("the flood is over")
        return Resolution.RESOLVED

    def looks(self, *seen: Check[Any, Any]) -> Proof:
        """All of it, three times in a row."""
        p = self.parameters
        return Proof(seen, polls=3, every=p.look_every, within=p.look_within)


def refused(nonce: str) -> Check[probes.SendCanaryFeedback, probes.CanaryResult]:
    """Feedback from outside does not get through: another path than the gateway's own word."""
    return Check(
        "a feedback from outside is refused",
        probes.send_canary_feedback,
        lambda poll: probes.SendCanaryFeedback(text=checks.canary(nonce, poll)),
        lambda seen: seen.status >= 400,
    )
