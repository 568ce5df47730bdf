"""Canonical JSON: whichever way it is written, it is what the reference implementation writes."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import iso
from schemas.canonical import canonical_json

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, 1e-4, 9.9e-5, 1e-7, 1e15, 1e16, 123456789.5, 1e21, 5e-324]),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), texts, numbers),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(texts, st.sampled_from(["b", "a", "é", "\U0001f600", "\ufb33"])), inner
        ),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)


class Word(StrEnum):
    ONE = "one"


@given(values)
@settings(deadline=None, max_examples=500)
def test_a_value_is_written_as_the_reference_writes_it(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", ['\x00\x1f\x7f"\\\b\t\n\f\r/\u2028', {"z": 1, "a": [Word.ONE]}])
def test_escapes_and_names_are_written_as_the_reference_writes_them(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {"k": {1}}]
)
def test_what_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json(value)


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.integers(-720, 720))  # noqa: DTZ001 - the zone is drawn beside it
def test_an_instant_has_one_form(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    if not datetime(1001, 1, 1, tzinfo=UTC) < moment < datetime(9999, 12, 30, tzinfo=UTC):
        return
    assert iso(moment) == moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
