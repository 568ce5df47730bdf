"""A playbook whose containment lasts: loaded in the workflow sandbox, so it imports little."""

from schemas.containment_rule import ContainmentRuling, Verdict, isolate_first
from tests.replay.variations import variation
from workflows.feedback_poisoning import FeedbackPoisoning


@variation
class LastsForADay(FeedbackPoisoning):
    """What it contains with cannot be undone within 15 minutes: the rule says to ask always."""

    async def may_contain(self, ruling: ContainmentRuling) -> bool:
        """The same, but for how lasting it is."""
        scores = ruling.scores.model_copy(update={"irreversibility": 1})
        lasting = isolate_first(scores, inputs=ruling.inputs)
        assert lasting.verdict is Verdict.ASK_ALWAYS
        return await super().may_contain(lasting)
