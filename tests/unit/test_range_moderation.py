"""The pure parts of the moderation range: pictures, the attack, hardening, and when to alert."""

from pathlib import Path

import numpy as np
import pytest

from hemostat.drill.range.evasion.detection import EvasionSignals
from hemostat.drill.range.evasion.people import Eyes
from hemostat.drill.range.moderation.decisions import Decider
from hemostat.drill.range.moderation.images import (
    BadPicture,
    Floats,
    cropped,
    decode,
    encode,
    hamming,
    originals,
    perceptual_hash,
    pictures,
    places,
    reencoded,
)
from hemostat.drill.range.moderation.model import Model, train
from hemostat.drill.range.moderation.patch import Sticker, craft, success
from hemostat.drill.range.moderation.patterns import cluster_of, misses_of
from hemostat.drill.range.moderation.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return train(folder, "7", [])


@pytest.fixture(scope="module")
def explicit() -> Floats:
    pool = originals("held-out")
    return pictures(pool.subjects[pool.explicit], 1)


@pytest.fixture(scope="module")
def sticker(model: Model) -> Sticker:
    pool = originals("train")
    rows = pictures(pool.subjects[pool.explicit], 2)[:80]
    made = [craft(model, rows, place, 3) for place in places()[:8]]
    return max(made, key=lambda one: success(model, rows, one))


def test_pools_share_no_original() -> None:
    rows = np.vstack([originals(p).subjects.reshape(-1, 64) for p in ("train", "live", "held-out")])
    assert len(rows) == 1797


def test_a_picture_survives_its_file_and_junk_is_refused(explicit: Floats) -> None:
    assert np.allclose(decode(encode(explicit[0])), explicit[0])
    for junk in (b"", b"P5\n16 16\n255\n", b"\x89PNG" + b"0" * 300):
        with pytest.raises(BadPicture):
            decode(junk)


def test_the_model_catches_what_is_explicit_and_a_sticker_that_was_sought_blinds_it(
    model: Model, explicit: Floats, sticker: Sticker
) -> None:
    assert model.explicit(explicit).mean() > 0.95
    assert success(model, explicit, sticker) > 0.6
    noise = Sticker(np.random.default_rng(1).random(16), sticker.place)
    assert success(model, explicit, noise) < success(model, explicit, sticker) / 2


def test_transforms_leave_the_subject_and_take_the_sticker(
    model: Model, explicit: Floats, sticker: Sticker
) -> None:
    evading = sticker.on(explicit)
    evading = evading[~model.explicit(evading)]
    assert model.explicit(cropped(evading, 4)).mean() > 0.85
    assert np.abs(reencoded(explicit) - explicit).mean() < 0.08


def test_people_see_through_a_sticker(explicit: Floats, sticker: Sticker) -> None:
    assert Eyes().explicit(sticker.on(explicit)).mean() > 0.98


def test_misses_with_one_sticker_are_one_cluster_and_chance_misses_are_none(
    model: Model, explicit: Floats, sticker: Sticker
) -> None:
    evading = sticker.on(explicit)[:40]
    evading = evading[~model.explicit(evading)]
    cluster = cluster_of(misses_of(model, [encode(row) for row in evading]))
    assert cluster is not None
    assert cluster.place == sticker.place
    assert cluster.items >= 0.8 * len(evading)
    assert cluster_of(misses_of(model, [encode(row) for row in evading[:2]])) is None


def test_hashes_of_like_crops_are_near_and_of_others_far() -> None:
    dice = np.random.default_rng(5)
    one, other = dice.random(16), dice.random(16)
    assert hamming(perceptual_hash(one), perceptual_hash(np.clip(one + 0.01, 0, 1))) <= 8
    assert hamming(perceptual_hash(one), perceptual_hash(other)) > 8


@pytest.mark.parametrize("mode", ["review", "fallback"])
def test_second_looks_approve_no_sticker_and_few_benign_pictures_wait(
    mode: str, folder: Path, tmp_path: Path, model: Model, explicit: Floats, sticker: Sticker
) -> None:
    decider = Decider(Store(tmp_path / "db"), folder)
    decider.set_mode(mode=mode)
    sure = explicit[model.scores(cropped(explicit, 4)) > 0.7]
    evading = sticker.on(sure)[:40]
    assert all(decider.decide(row, "a").decision != "safe" for row in evading)
    pool = originals("held-out")
    benign = pictures(pool.subjects[~pool.explicit], 6)[:100]
    approved = [decider.decide(row, "a").decision == "safe" for row in benign]
    assert np.mean(approved) > 0.8


@pytest.mark.timeout(400)  # it trains, on whatever the machine has left
def test_hardening_against_one_set_holds_against_stickers_nobody_trained_on(
    folder: Path, model: Model, explicit: Floats
) -> None:
    pool = originals("train")
    rows = pictures(pool.subjects[pool.explicit], 2)[:60]
    made = [craft(model, rows, place, 20 + n) for n, place in enumerate(places())]
    hardened = train(folder, "8", [s.pixels for s in made[::2]], seed=2)
    before, after = (
        np.mean([success(m, explicit, s) for s in made[1::2]]) for m in (model, hardened)
    )
    assert before > 0.4
    assert after <= 0.05
    clean = originals("held-out")
    again = pictures(clean.subjects, 9)
    drop = model.accuracy(again, clean.explicit) - hardened.accuracy(again, clean.explicit)
    assert drop <= 0.01


def signals(**changes: float) -> EvasionSignals:
    quiet: dict[str, float | str | None] = {
        "audit_n": 1000,
        "fn_rate": 0.005,
        "fn_base": 0.005,
        "transform_n": 150,
        "transform_disagree": 0.03,
        "base_disagree": 0.03,
        "cluster_items": 0,
        "cluster_hamming_max": 0,
        "cluster_phash": None,
        "flagged": 0,
        "version": "7",
    }
    return EvasionSignals(**{**quiet, **changes})  # type: ignore[arg-type]  # a table of mixed types


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({}, False),
        ({"fn_rate": 0.021}, False),
        ({"fn_rate": 0.021, "cluster_items": 3}, True),
        ({"fn_rate": 0.021, "transform_disagree": 0.1}, True),
        ({"fn_rate": 0.05, "cluster_items": 3, "audit_n": 999}, False),
        ({"fn_rate": 0.021, "transform_disagree": 0.1, "transform_n": 49}, False),
        ({"fn_rate": 0.019, "cluster_items": 9, "transform_disagree": 0.5}, False),
        ({"flagged": 1}, True),
    ],
)
def test_it_fires_on_confirmed_misses_with_a_second_sign_or_on_one_flag(
    changes: dict[str, float], fires: bool
) -> None:
    assert signals(**changes).firing() is fires
