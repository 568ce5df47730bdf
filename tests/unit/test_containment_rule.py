"""Isolate first, investigate second: the published rule, row by row and at its edges."""

from itertools import product

import pytest
from pydantic import ValidationError

from schemas.containment_rule import RULE_VERSION, Scores, Verdict, isolate_first

EVERY = list(product(range(4), repeat=4))


def ruled(harm: int, doubt: int, cost: int, lasting: int, *, benign: bool = False) -> Verdict:
    return isolate_first(
        Scores(harm=harm, uncertainty=doubt, business_cost=cost, irreversibility=lasting),
        cause_is_benign=benign,
    ).verdict


@pytest.mark.parametrize(
    ("harm", "doubt", "cost", "lasting", "verdict"),
    [
        (2, 0, 0, 0, Verdict.ACT_NOW),
        (1, 2, 0, 0, Verdict.ACT_NOW),
        (0, 2, 1, 0, Verdict.ACT_NOW),  # costs no more than the harm and one
        (0, 2, 2, 0, Verdict.ASK_COMMANDER),  # costs more
        (2, 3, 3, 0, Verdict.ACT_NOW),
        (1, 3, 3, 0, Verdict.ASK_COMMANDER),
        (1, 1, 0, 0, Verdict.ASK_COMMANDER),  # no haste
        (0, 0, 0, 0, Verdict.ASK_COMMANDER),
        (3, 3, 0, 1, Verdict.ASK_ALWAYS),  # not undone within 15 minutes
        (3, 3, 0, 3, Verdict.ASK_ALWAYS),
    ],
)
def test_the_rule_at_its_edges(
    harm: int, doubt: int, cost: int, lasting: int, verdict: Verdict
) -> None:
    assert ruled(harm, doubt, cost, lasting) is verdict


def test_what_can_be_undone_soon_and_harms_or_puzzles_is_isolated_unless_it_costs_more() -> None:
    for harm, doubt, cost, lasting in EVERY:
        acts = ruled(harm, doubt, cost, lasting) is Verdict.ACT_NOW
        assert acts == (lasting == 0 and (harm >= 2 or doubt >= 2) and cost <= harm + 1)


def test_a_benign_cause_is_left_alone_only_when_there_is_little_doubt_about_it() -> None:
    for harm, doubt, cost, lasting in EVERY:
        verdict = ruled(harm, doubt, cost, lasting, benign=True)
        assert (verdict is Verdict.DO_NOT_ISOLATE) == (doubt <= 1)


def test_silence_acts_only_for_the_commander_and_only_where_harm_goes_on() -> None:
    for harm, doubt, cost, lasting in EVERY:
        ruling = isolate_first(
            Scores(harm=harm, uncertainty=doubt, business_cost=cost, irreversibility=lasting)
        )
        expected = ruling.verdict is Verdict.ASK_COMMANDER and harm >= 2
        assert ruling.silence_acts == expected


def test_the_ruling_is_the_whole_decision_record() -> None:
    scores = Scores(harm=2, uncertainty=2, business_cost=1, irreversibility=0)
    ruling = isolate_first(scores, inputs={"rise": 0.55})
    assert ruling.rule == RULE_VERSION
    assert ruling.scores == scores
    assert ruling.inputs == {"rise": 0.55}
    assert ruling.because


@pytest.mark.parametrize("score", [-1, 4])
def test_scores_outside_their_scale_are_refused(score: int) -> None:
    with pytest.raises(ValidationError):
        Scores(harm=score, uncertainty=0, business_cost=0, irreversibility=0)
