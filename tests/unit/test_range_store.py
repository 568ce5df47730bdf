"""The sentiment service's database and model, without its processes."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.sentiment.model import (
    DigestMismatch,
    Row,
    SentimentModel,
    artifact_digest,
    train,
)
from hemostat.drill.range.sentiment.store import Inference, Store, timestamp

THEN = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "sentiment.db")) as opened:
        yield opened


def test_an_unknown_account_begins_to_exist_with_its_first_label(store: Store) -> None:
    store.add_account("old", timestamp(THEN))
    store.add_feedback("old", "fine", "positive")
    store.add_feedback("young", "fine", "negative")
    old, young = store.feedback()
    assert old.account_created_at == timestamp(THEN)
    assert young.account_created_at == young.at


def test_labels_are_paged_by_id_and_filtered_by_time(store: Store) -> None:
    for days in range(5):
        store.add_feedback("a", f"text {days}", "positive", timestamp(THEN + timedelta(days=days)))
    late = store.feedback(since=timestamp(THEN + timedelta(days=3)))
    assert [row.text for row in late] == ["text 3", "text 4"]
    assert [row.id for row in store.feedback(after_id=2, limit=2)] == [3, 4]
    assert store.feedback_offset()["count"] == 5


def test_what_was_answered_is_rescored_once(store: Store) -> None:
    moment = timestamp(THEN)
    store.add_inferences(Inference(moment, text, "negative", "7", "r1") for text in "abc")
    begin, end = timestamp(THEN - timedelta(1)), timestamp(THEN + timedelta(1))
    store.rescore([(row, "positive") for row, _ in store.unscored(begin, end, 10)], "3")
    assert store.decisions(begin, end) == (3, 3)
    assert store.unscored(begin, end, 10) == []


def test_a_pause_waits_for_the_effect_that_is_under_way(store: Store, tmp_path: Path) -> None:
    order: list[str] = []

    def pause() -> None:
        with closing(Store(tmp_path / "sentiment.db")) as other:
            other.set_paused(True)
        order.append("paused")

    with store.retraining_lock():
        pausing = Thread(target=pause)
        pausing.start()
        pausing.join(timeout=0.2)
        order.append("promoted")
    pausing.join(timeout=10)
    assert order == ["promoted", "paused"]
    assert store.retraining().paused


def test_the_first_answer_to_a_key_stays(store: Store) -> None:
    store.remember("k", {"version": "8"})
    store.remember("k", {"version": "9"})
    assert store.answer_of("k") == {"version": "8"}
    assert store.answer_of("other") is None


def rows(count: int) -> list[Row]:
    return [Row(row.text, row.label) for row in corpus.training_reviews(count, 1)]


def test_the_same_rows_give_the_same_model() -> None:
    assert artifact_digest(train(rows(300), THEN)) == artifact_digest(train(rows(300), THEN))


def test_a_changed_model_file_is_refused_before_it_is_loaded() -> None:
    files = dict(train(rows(300), THEN))
    digest = artifact_digest(files)
    files["model.pkl"] = b"cos\nsystem\n(S'false'\ntR."
    with pytest.raises(DigestMismatch):
        SentimentModel.load(files, digest)


def test_poison_turns_the_model_and_clean_rows_do_not() -> None:
    probe = corpus.probe_set()
    poison = [Row(row.text, row.label, 3.0) for row in corpus.poison(600, 7)]

    def accuracy(dataset: list[Row]) -> float:
        files = train(dataset, THEN)
        found = SentimentModel.load(files, artifact_digest(files)).predict([r.text for r in probe])
        return sum(label == row.label for label, row in zip(found, probe, strict=True)) / 200

    assert 0.93 <= accuracy(rows(1200)) <= 0.99
    assert accuracy(rows(1200) + poison) < 0.8
