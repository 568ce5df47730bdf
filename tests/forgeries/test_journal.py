"""What the incident says of itself: its journal, who decided, what was sealed as evidence."""

from pathlib import Path
from typing import Any

import pytest

from schemas.canonical import canonical_json, digest_bytes
from tests.forgeries.forge import Case, Draft, assert_named, cases, forgery, named

pytestmark = pytest.mark.temporal


def _journal(draft: Draft, number: int, **changed: Any) -> None:
    """Change an entry and leave its digest."""
    lines = draft.lines("journal.jsonl")
    lines[number] |= changed
    draft.set_lines("journal.jsonl", lines)


@forgery("journal-entry", "journal entry")
def a_sentence_is_changed(draft: Draft) -> None:
    _journal(draft, draft.entry("closed"), says="Closed: false-alarm")


@forgery("journal-entry", "journal entry 4")
def a_time_is_dated_back(draft: Draft) -> None:
    _journal(draft, 4, at="2026-01-01T00:00:00.000000Z")


@forgery("journal-link", "journal entry 6")
def an_entry_is_changed_with_its_digest(draft: Draft) -> None:
    lines = draft.lines("journal.jsonl")
    lines[5]["says"] = "Nothing happened"
    content = {name: value for name, value in lines[5].items() if name != "digest"}
    lines[5]["digest"] = digest_bytes(canonical_json(content))
    draft.set_lines("journal.jsonl", lines)


@forgery("journal-head", "checkpoint")
def the_whole_journal_is_chained_anew(draft: Draft) -> None:
    draft.rewrite_journal(lambda entries: entries[5].update(says="Nothing happened"))


@forgery("journal-not-the-result", "the last event")
def the_chained_journal_is_not_the_result(draft: Draft) -> None:
    draft.rewrite_journal(lambda entries: entries[5].update(says="Nothing happened"))


@forgery("journal-missing", "journal entry 7")
def an_entry_is_taken_out(draft: Draft) -> None:
    lines = draft.lines("journal.jsonl")
    del lines[7]
    draft.set_lines("journal.jsonl", lines)


@forgery("journal-doubled", "journal entry 8")
def an_entry_is_doubled(draft: Draft) -> None:
    lines = draft.lines("journal.jsonl")
    lines.insert(8, lines[7])
    draft.set_lines("journal.jsonl", lines)


@forgery("journal-cut", "checkpoint")
def the_journal_is_cut_off(draft: Draft) -> None:
    draft.set_lines("journal.jsonl", draft.lines("journal.jsonl")[:-3])


@forgery("journal-longer", "journal entry")
def an_entry_is_added_after_the_close(draft: Draft) -> None:
    draft.rewrite_journal(lambda entries: entries.append(dict(entries[-1])))


@forgery("journal-start", "journal entry 0")
def the_beginning_is_taken_out(draft: Draft) -> None:
    draft.rewrite_journal(lambda entries: entries.__delitem__(0))


@forgery("journal-other-incident", "journal entry 0")
def it_is_said_to_be_no_exercise(draft: Draft) -> None:
    draft.rewrite_journal(lambda entries: entries[0]["data"].update(drill=False))


@forgery("sealed-changed", "journal.jsonl")
def a_journal_chained_anew_is_not_the_one_sealed(draft: Draft) -> None:
    draft.rewrite_journal(lambda entries: entries[5].update(says="Nothing happened"))


# People


def _decision(draft: Draft, gate: str) -> int:
    return draft.entry("decision", gate=gate)


@forgery("decision-changed", "decisions.json")
def an_approver_is_swapped_in_the_list(draft: Draft) -> None:
    listed = draft.json("decisions.json")
    listed[1]["data"]["actor"] = "somebody-else"
    draft.set_json("decisions.json", listed)


@forgery("decision-missing", "decisions.json")
def a_decision_is_left_out_of_the_list(draft: Draft) -> None:
    draft.set_json("decisions.json", draft.json("decisions.json")[:-1])


@forgery("decision-other", "journal entry")
def an_approver_is_swapped_in_a_journal_chained_anew(draft: Draft) -> None:
    number = _decision(draft, "close-incident")
    draft.rewrite_journal(lambda entries: entries[number]["data"].update(actor="somebody-else"))


@forgery("decision-other", "journal entry")
def a_decision_is_moved_to_another_gate(draft: Draft) -> None:
    number = _decision(draft, "acknowledge")
    draft.rewrite_journal(lambda entries: entries[number]["data"].update(gate="close-incident"))


@forgery("decision-other", "journal entry")
def a_rejection_becomes_an_approval(draft: Draft) -> None:
    number = _decision(draft, "confirm-known-good")
    draft.rewrite_journal(lambda entries: entries[number]["data"].update(choice="reject"))


@forgery("decision-other", "journal entry")
def a_decision_is_bound_to_another_exhibit(draft: Draft) -> None:
    number = _decision(draft, "confirm-known-good")
    other = "sha256:" + "1" * 64
    draft.rewrite_journal(lambda entries: entries[number]["data"].update(digest=other))


@forgery("decision-not-said", "journal entry")
def a_decision_is_made_up(draft: Draft) -> None:
    number = _decision(draft, "confirm-known-good")

    def add(entries: list[dict[str, Any]]) -> None:
        made_up = {**entries[number], "data": {**entries[number]["data"], "decision": "x" * 32}}
        entries.insert(number + 1, made_up)

    draft.rewrite_journal(add)


# Evidence


@forgery("evidence-replaced", "evidence/")
def the_bytes_of_an_item_are_replaced(draft: Draft) -> None:
    name = next(name for name in draft.members if name.startswith("evidence/"))
    draft.members[name] = b"harmless"


@forgery("evidence-missing", "evidence/")
def the_bytes_of_an_item_are_taken_out(draft: Draft) -> None:
    del draft.members[next(name for name in draft.members if name.startswith("evidence/"))]


@forgery("evidence-unlisted", "evidence/")
def an_item_is_put_in(draft: Draft) -> None:
    draft.members[f"evidence/{'ab' * 32}"] = b"planted"


@forgery("evidence-dropped", "evidence.json")
def an_item_is_taken_off_the_list(draft: Draft) -> None:
    listed = draft.json("evidence.json")
    gone = listed["items"].pop(0)
    draft.members.pop(f"evidence/{gone['item']['digest'][7:]}", None)
    draft.set_json("evidence.json", listed)


@forgery("evidence-changed", "evidence.json")
def an_item_is_listed_twice(draft: Draft) -> None:
    listed = draft.json("evidence.json")
    listed["items"].append(listed["items"][0])
    draft.set_json("evidence.json", listed)


@forgery("evidence-changed", "evidence.json")
def items_are_listed_in_another_order(draft: Draft) -> None:
    listed = draft.json("evidence.json")
    listed["items"].reverse()
    draft.set_json("evidence.json", listed)


@forgery("evidence-changed", "evidence.json")
def an_item_is_said_to_come_from_elsewhere(draft: Draft) -> None:
    listed = draft.json("evidence.json")
    listed["items"][0]["item"]["source"] = "somewhere-else"
    draft.set_json("evidence.json", listed)


@forgery("evidence-gaps", "evidence.json")
def a_gap_is_made_up(draft: Draft) -> None:
    listed = draft.json("evidence.json")
    listed["gaps"].append({"seq": 3, "says": "Evidence is missing: logs", "reason": "lost"})
    draft.set_json("evidence.json", listed)


@forgery("sealed-changed", "clocks.json")
def a_legal_clock_was_met(draft: Draft) -> None:
    clocks = draft.json("clocks.json")
    clocks["regimes"] = ["gdpr"]
    draft.set_json("clocks.json", clocks)


@forgery("sealed-missing", "code.json")
def the_code_is_not_told(draft: Draft) -> None:
    del draft.members["code.json"]


@pytest.mark.parametrize("case", cases(__name__), ids=named)
def test_it_is_noticed_and_named(case: Case, draft: Draft, tmp_path: Path) -> None:
    assert_named(case, draft, tmp_path)
