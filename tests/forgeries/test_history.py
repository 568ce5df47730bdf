"""Temporal's history, edited by somebody with full access to its database and to the pack."""

from pathlib import Path

import pytest

from tests.forgeries.forge import RUN, Case, Draft, assert_named, cases, forgery, named

pytestmark = pytest.mark.temporal


@forgery("history-chain", "run 1")
def an_activity_result_is_edited(draft: Draft) -> None:
    draft.edit_event(b"application/json", b"application/jsoN")


@forgery("history-event", "event")
def an_event_is_edited_and_the_digests_are_left(draft: Draft) -> None:
    digests = draft.members[f"{RUN}.digests"]
    draft.edit_event(b"commander", b"commandeR")
    draft.members[f"{RUN}.digests"] = digests


@forgery("history-chain")
def an_approver_is_swapped_in_the_signal(draft: Draft) -> None:
    draft.edit_event(b"one-ml-lead", b"two-ml-lead")


@forgery("decision-other", "journal entry")
def an_approver_is_swapped_and_the_journal_is_not(draft: Draft) -> None:
    draft.edit_event(b'"one-ml-lead"', b'"two-ml-lead"')


@forgery("history-dropped", "event 9")
def an_event_is_dropped(draft: Draft) -> None:
    events = draft.events()
    del events[8]
    draft.set_events(events)


@forgery("history-doubled", "event 10")
def an_event_is_doubled(draft: Draft) -> None:
    events = draft.events()
    events.insert(9, events[8])
    draft.set_events(events)


@forgery("history-dropped", "event 9")
def two_events_change_places(draft: Draft) -> None:
    events = draft.events()
    events[8], events[9] = events[9], events[8]
    draft.set_events(events)


@forgery("history-reordered", "event 5")
def an_event_is_moved_far(draft: Draft) -> None:
    events = draft.events()
    events.insert(4, events.pop(20))
    draft.set_events(events)


@forgery("history-chain")
def an_event_is_dropped_and_the_others_renumbered(draft: Draft) -> None:
    events = draft.events()
    kept = [*events[:8], *(bytes([8, i]) + e[2:] for i, e in enumerate(events[9:100], 9))]
    draft.set_events(kept)


@forgery("history-cut", "run 1")
def the_tail_is_cut_off(draft: Draft) -> None:
    draft.set_events(draft.events()[:-10])


@forgery("history-cut")
def the_tail_is_cut_off_within_an_event(draft: Draft) -> None:
    draft.members[f"{RUN}.events"] = draft.members[f"{RUN}.events"][:-5]


@forgery("history-longer")
def an_event_is_added_at_the_end(draft: Draft) -> None:
    events = draft.events()
    count = len(events) + 1
    draft.set_events([*events, b"\x08" + bytes([count & 0x7F | 0x80, count >> 7]) + events[-1][3:]])


@forgery("sealed-changed", "histories/01.json")
def the_history_for_people_tells_another_story(draft: Draft) -> None:
    draft.members[f"{RUN}.json"] = draft.members[f"{RUN}.json"].replace(
        b'"eventId":"5"', b'"eventId":"6"', 1
    )


@forgery("history-unreadable")
def an_event_is_garbage(draft: Draft) -> None:
    events = draft.events()
    events[3] = b"\xff" * 40
    draft.set_events(events)


@forgery("history-runs", "manifest.json")
def the_run_has_another_name(draft: Draft) -> None:
    draft.manifest["runs"][0]["run"] = "00000000-0000-0000-0000-000000000000"


@forgery("history-runs", "manifest.json")
def the_run_lies_beside_the_history_for_people(draft: Draft) -> None:
    draft.manifest["runs"][0]["folder"] = "histories/09"
    for ending in ("events", "digests"):
        draft.members[f"histories/09.{ending}"] = draft.members.pop(f"{RUN}.{ending}")


@pytest.mark.parametrize("case", cases(__name__), ids=named)
def test_it_is_noticed_and_named(case: Case, draft: Draft, tmp_path: Path) -> None:
    assert_named(case, draft, tmp_path)


def test_a_run_taken_out_of_many_is_noticed(draft_of_many_runs: Draft, tmp_path: Path) -> None:
    draft = draft_of_many_runs
    gone = draft.manifest["runs"].pop(1)
    for name in [n for n in draft.members if n.startswith(gone["folder"])]:
        del draft.members[name]
    lines = draft.members["checkpoints.jsonl"].splitlines(keepends=True)
    draft.members["checkpoints.jsonl"] = b"".join(
        line for line in lines if f'"run":"{gone["run"]}"'.encode() not in line
    )
    codes = {finding.code for finding in draft.verdict(tmp_path).findings}
    assert "checkpoint-missing" in codes


def test_two_runs_that_change_places_are_noticed(draft_of_many_runs: Draft, tmp_path: Path) -> None:
    draft = draft_of_many_runs
    first, second = draft.manifest["runs"][:2]
    first["folder"], second["folder"] = second["folder"], first["folder"]
    codes = {finding.code for finding in draft.verdict(tmp_path).findings}
    assert codes & {"history-chain", "history-cut", "history-longer"}
