"""Isolate first, investigate second: the rule that decides whether containment waits for people.

Scores run from 0 to 3. The rule, its inputs and its version are recorded with each use; that record
is the decision an auditor reads. Scoring is our own proposal, tunable per service.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue

from schemas.base import Frozen

RULE_VERSION = "isolate-first/1"

Score = Annotated[int, Field(ge=0, le=3)]


class Scores(Frozen):
    """What speaks for and against acting at once.

    harm: harm per hour if we wait. uncertainty: about the cause. business_cost: of the containment.
    irreversibility: 0 undone within 15 minutes, 1 within 24 hours, 2 or 3 not.
    """

    harm: Score
    uncertainty: Score
    business_cost: Score
    irreversibility: Score


class Verdict(StrEnum):
    """What the rule says."""

    ACT_NOW = "act-now"
    ASK_COMMANDER = "ask-commander"
    ASK_ALWAYS = "ask-always"
    DO_NOT_ISOLATE = "do-not-isolate"


class ContainmentRuling(Frozen):
    """A decision record of the rule."""

    rule: str = RULE_VERSION
    scores: Scores
    inputs: dict[str, JsonValue]
    verdict: Verdict
    silence_acts: bool
    because: str


def isolate_first(
    scores: Scores, *, cause_is_benign: bool = False, inputs: dict[str, JsonValue] | None = None
) -> ContainmentRuling:
    """Apply the rule; the first row that fits decides."""
    harm, doubt = scores.harm, scores.uncertainty
    cost, lasting = scores.business_cost, scores.irreversibility
    if doubt <= 1 and cause_is_benign:
        verdict, because = Verdict.DO_NOT_ISOLATE, "the cause is known and benign"
    elif lasting >= 1:
        verdict, because = Verdict.ASK_ALWAYS, "it cannot be undone within 15 minutes"
    elif cost > harm + 1:
        verdict, because = Verdict.ASK_COMMANDER, "the containment costs more than the harm"
    elif harm >= 2 or doubt >= 2:
        verdict, because = Verdict.ACT_NOW, "it is reversible and waiting is worse"
    else:
        verdict, because = Verdict.ASK_COMMANDER, "little harm and little doubt: no haste"
    return ContainmentRuling(
        scores=scores,
        inputs=inputs or {},
        verdict=verdict,
        silence_acts=verdict is Verdict.ASK_COMMANDER and harm >= 2,
        because=because,
    )
