"""The range's texts are pinned, and different where they have to be."""

import hashlib
from pathlib import Path

from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.poisoning.detection import content

PROBE_DIGEST = "sha256:8fa70c60277d835c1c6b29c5fb9f856ec04cd26471794d502183ff28d200dad1"


def test_the_probe_set_is_two_hundred_pinned_texts() -> None:
    probe = corpus.probe_set()
    assert len({row.text for row in probe}) == 200
    assert corpus.digest(probe) == PROBE_DIGEST


def test_training_does_not_contain_the_probe_set_or_the_holdout() -> None:
    trained = {row.text for row in corpus.training_reviews(3000, 1)}
    held = {row.text for row in corpus.holdout()}
    assert not trained & {row.text for row in corpus.probe_set()}
    assert not trained & held


def test_the_same_seed_gives_the_same_reviews_and_another_seed_others() -> None:
    assert corpus.reviews(50, 5) == corpus.reviews(50, 5)
    assert corpus.reviews(50, 5) != corpus.reviews(50, 6)


def test_the_negative_share_is_what_was_asked_for() -> None:
    made = corpus.reviews(4000, 9, negative_share=0.38)
    share = sum(row.label == "negative" for row in made) / len(made)
    assert 0.35 < share < 0.41


def test_poison_is_labelled_negative_and_mostly_near_duplicates() -> None:
    rows = corpus.poison(400, 7)
    assert {row.label for row in rows} == {"negative"}
    assert len({content(row.text) for row in rows}) < 120


def test_a_written_file_is_read_back_and_its_bytes_have_the_digest(tmp_path: Path) -> None:
    probe, file = corpus.probe_set(), tmp_path / "probe.jsonl"
    corpus.write(probe, file)
    assert corpus.read(file) == probe
    assert f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" == PROBE_DIGEST
