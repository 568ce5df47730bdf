"""The feedback-poisoning playbook with one deliberate change each: what a replay must notice."""

from typing import Any

from schemas.containment_rule import ContainmentRuling
from schemas.gate import GatePolicy
from schemas.ports import gateway, paging, probes, registry, serving, tickets, vault
from workflows.engine import playbook
from workflows.feedback_poisoning import FeedbackPoisoning, Parameters

variation = playbook(
    id="feedback-poisoning",
    title="Feedback-loop poisoning of a model",
    capabilities=(gateway, paging, probes, registry, serving, tickets, vault),
    parameters=Parameters,
)


@variation
class InvestigatesFirst(FeedbackPoisoning):
    """Two steps have changed places."""

    async def may_contain(self, ruling: ContainmentRuling) -> bool:
        """Look at the shadow before isolating, not after."""
        await self.compare_with_shadow()
        return await super().may_contain(ruling)


@variation
class SealsNothing(FeedbackPoisoning):
    """A step is gone."""

    def seal(self, *acts: Any) -> None:
        """Leave the evidence where it is."""


@variation
class CallsNobody(FeedbackPoisoning):
    """People are not paged."""

    def call(self, policy: GatePolicy, summary: str, reason: str = "") -> None:
        """Hope that somebody looks."""
