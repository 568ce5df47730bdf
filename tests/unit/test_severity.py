"""Severity by declared facts: the gravest that matches, unsure counts as SEV-2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.severity import GRAVE, GRAVEST, Facts, Known, Severity, grade

FACTS = [*GRAVEST, *GRAVE, "attack_suspected"]


@pytest.mark.parametrize("fact", GRAVEST)
def test_one_of_the_gravest_facts_is_enough_for_sev_1(fact: str) -> None:
    assert grade(Facts.model_validate({fact: "yes"})).severity is Severity.SEV1


@pytest.mark.parametrize("fact", GRAVE)
def test_one_of_the_grave_facts_is_enough_for_sev_2(fact: str) -> None:
    assert grade(Facts.model_validate({fact: "yes"})).severity is Severity.SEV2


@pytest.mark.parametrize("fact", FACTS)
def test_what_is_unknown_counts_as_sev_2_and_says_so(fact: str) -> None:
    grading = grade(Facts.model_validate({fact: "unknown"}))
    assert grading.severity is Severity.SEV2
    assert grading.because == (f"{fact} is unknown",)


def test_a_suspicion_alone_is_sev_3_and_no_attack_is_sev_4() -> None:
    assert grade(Facts(attack_suspected=Known.YES)).severity is Severity.SEV3
    assert grade(Facts(attack_suspected=Known.NO)).severity is Severity.SEV4
    assert grade(Facts()).severity is Severity.SEV4


@given(
    st.dictionaries(st.sampled_from(FACTS), st.sampled_from(Known)),
    st.sampled_from(FACTS),
)
def test_one_more_fact_never_makes_it_less_grave(told: dict[str, Known], fact: str) -> None:
    before = grade(Facts.model_validate(told)).severity
    after = grade(Facts.model_validate(told | {fact: Known.YES})).severity
    if told.get(fact) is not Known.UNKNOWN:  # what was feared may turn out to be less
        assert not before.graver_than(after)
