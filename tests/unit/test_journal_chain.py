"""The journal's chain: whatever is done to it, the first broken entry is named."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.audit.strict import strict_json
from schemas.canonical import canonical_json, digest_of
from schemas.errors import NotHeld
from schemas.journal import GENESIS, Entry, Journal, Kind, verify_chain

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)

values = st.sampled_from([None, True, 0, -7, 2**53 - 1, 0.25, "", "é\u2028", [], [1, {"k": None}]])
chains = st.lists(
    st.tuples(
        st.sampled_from(Kind),
        st.sampled_from(["opened", "asked", "closed: résumé", ""]),
        st.dictionaries(st.sampled_from(["a", "b", "é"]), values, max_size=2),
    ),
    min_size=2,
    max_size=6,
)
quick = settings(deadline=None, max_examples=50)


def journal(rows: list[tuple[Kind, str, dict[str, Any]]]) -> Journal:
    kept = Journal()
    for n, (kind, says, data) in enumerate(rows):
        kept.add(AT + timedelta(seconds=n), kind, says, data=data)
    return kept


def broken_at(entries: list[Entry], prev: str = GENESIS) -> str:
    with pytest.raises(NotHeld) as error:
        verify_chain(entries, prev=prev)
    return error.value.where


@given(chains)
@quick
def test_an_untouched_chain_holds_and_ends_in_its_head(rows: list[Any]) -> None:
    kept = journal(rows)
    assert verify_chain(kept.entries) == kept.head
    assert kept.length == len(rows)


@given(chains, st.data())
@quick
def test_an_edited_field_is_found_at_its_entry(rows: list[Any], data: st.DataObject) -> None:
    entries = list(journal(rows).entries)
    n = data.draw(st.integers(0, len(entries) - 1))
    edits = {
        "at": "2026-11-22T09:00:00.000001Z",
        "kind": Kind.CLOSED if entries[n].kind is not Kind.CLOSED else Kind.OPENED,
        "step": "another",
        "says": entries[n].says + " ",
        "data": {**entries[n].data, "added": 1},
        "digest": digest_of("forged"),
        "prev": digest_of("forged"),
    }
    field = data.draw(st.sampled_from(sorted(edits)))
    entries[n] = entries[n].model_copy(update={field: edits[field]})
    assert broken_at(entries) == f"journal entry {n}"


@given(chains, st.data())
@quick
def test_an_edit_with_its_digest_made_to_fit_is_found_at_the_next_entry(
    rows: list[Any], data: st.DataObject
) -> None:
    kept = journal(rows)
    n = data.draw(st.integers(0, len(rows) - 2))
    forged = journal([*rows[:n], (rows[n][0], rows[n][1] + "!", rows[n][2])])
    assert broken_at([*forged.entries, *kept.entries[n + 1 :]]) == f"journal entry {n + 1}"


@given(chains, st.data())
@quick
def test_a_dropped_entry_is_missed_at_once(rows: list[Any], data: st.DataObject) -> None:
    kept = journal(rows)
    n = data.draw(st.integers(0, len(rows) - 1))
    entries = [*kept.entries[:n], *kept.entries[n + 1 :]]
    if n == len(rows) - 1:
        assert verify_chain(entries) != kept.head  # a cut tail shows in the head alone
    else:
        assert broken_at(entries) == f"journal entry {n + 1}"


@given(chains, st.data())
@quick
def test_entries_that_changed_places_are_found_at_the_first(
    rows: list[Any], data: st.DataObject
) -> None:
    entries = list(journal(rows).entries)
    first = data.draw(st.integers(0, len(entries) - 2))
    second = data.draw(st.integers(first + 1, len(entries) - 1))
    entries[first], entries[second] = entries[second], entries[first]
    assert broken_at(entries) == f"journal entry {second}"


@given(chains, st.data())
@quick
def test_an_entry_that_stands_twice_is_found(rows: list[Any], data: st.DataObject) -> None:
    entries = list(journal(rows).entries)
    n = data.draw(st.integers(0, len(entries) - 1))
    assert broken_at([*entries[: n + 1], entries[n], *entries[n + 1 :]]) == f"journal entry {n}"


@given(chains, chains)
@quick
def test_a_later_segment_goes_on_where_the_earlier_one_ended(a: list[Any], b: list[Any]) -> None:
    first = journal(a)
    second = Journal(first.length, first.head)
    for kind, says, data in b:
        second.add(AT, kind, says, data=data)
    assert second.length == len(a) + len(b)
    assert verify_chain([*first.entries, *second.entries]) == second.head
    assert verify_chain(second.entries, first.length, first.head) == second.head
    with pytest.raises(NotHeld):
        verify_chain(second.entries, first.length, digest_of("another end"))


@given(chains)
@quick
def test_entries_survive_json_with_their_chain(rows: list[Any]) -> None:
    kept = journal(rows)
    again = [Entry.model_validate_json(entry.model_dump_json()) for entry in kept.entries]
    assert verify_chain(again) == kept.head


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, "\ud800", {"\udfff": 1}])
def test_what_canonical_json_cannot_carry_is_still_recorded(value: Any) -> None:
    """A journal that raises would stop the response for the sake of a number."""
    kept = Journal()
    entry = kept.add(AT, Kind.ALERT, "odd", data={"odd": value, "nested": [{"deeper": value}]})
    assert verify_chain([Entry.model_validate_json(entry.model_dump_json())]) == kept.head


numbers = st.floats() | st.integers() | st.sampled_from([1e20, -1e20, 2.0**53, 2.0**53 - 1, 1e300])


@given(st.recursive(numbers | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)))
@quick
def test_whatever_number_an_attacker_writes_the_record_of_it_verifies(value: Any) -> None:
    kept = Journal()
    kept.add(AT, Kind.ALERT, "Alert open", data={"value": value})
    (entry,) = kept.entries
    assert strict_json(canonical_json(entry)) == entry.model_dump(mode="json")
