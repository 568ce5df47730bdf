"""The model of the moderation service: a small neural network that scores pictures as explicit.

Law: a real scikit-learn classifier, trained here, kept as its weights; a version is a file that is
never changed, and its digest is that of its bytes. Where training gets a set of stickers, it
learns to look past them (adversarial training).
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from hemostat.drill.range.moderation.images import (
    STICKER,
    Flags,
    Floats,
    digest,
    mask,
    originals,
    pictures,
    places,
)

THRESHOLD: Final = 0.35
"""From this score on a picture is explicit; below one half, since a miss costs more."""

_HIDDEN: Final = 48
_PLAIN: Final = (1, 40)
"""Copies of each original and rounds: few pictures seen often, as in many a first version."""

_HARDENED: Final = (6, 20)
_STUCK_COPIES: Final = 14


@dataclass(frozen=True)
class Model:
    """One version, loaded: ``layers`` are weight, bias, weight, bias."""

    version: str
    digest: str
    layers: tuple[Floats, ...]

    @classmethod
    def load(cls, folder: Path, version: str) -> Self:
        """Read a version's file. Raises ``OSError`` if there is none."""
        content = (folder / f"{version}.npz").read_bytes()
        with np.load(io.BytesIO(content)) as kept:
            layers = tuple(kept[name] for name in ("w1", "b1", "w2", "b2"))
        return cls(version, digest(content), layers)

    def scores(self, rows: Floats) -> Floats:
        """How explicit each picture is, 0 to 1."""
        w1, b1, w2, b2 = self.layers
        hidden = np.maximum(rows @ w1 + b1, 0)
        odds: Floats = 1 / (1 + np.exp(-(hidden @ w2 + b2)[:, 0]))
        return odds

    def explicit(self, rows: Floats) -> Flags:
        """Which pictures it calls explicit."""
        found: Flags = self.scores(rows) >= THRESHOLD
        return found

    def accuracy(self, rows: Floats, truth: Flags) -> float:
        """Share of pictures it calls right."""
        return float((self.explicit(rows) == truth).mean())


def train(folder: Path, version: str, stickers: list[Floats], seed: int = 1) -> Model:
    """Train a version and keep it; with *stickers*, against them. Takes seconds."""
    pool = originals("train")
    copies, rounds = _HARDENED if stickers else _PLAIN
    rows = [pictures(pool.subjects, seed * 100 + n) for n in range(copies)]
    truth = [pool.explicit] * copies
    if stickers:
        dice = np.random.default_rng(seed)
        for number in range(_STUCK_COPIES):
            clean = pictures(pool.subjects, seed * 100 + 50 + number)
            rows.append(_with_stickers(clean, stickers, dice))
            truth.append(pool.explicit)
    network = MLPClassifier(
        (_HIDDEN,),
        alpha=1e-5,
        max_iter=rounds,
        batch_size=64,
        learning_rate_init=3e-3,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of rounds is the plan
        network.fit(np.vstack(rows), np.concatenate(truth))
    (w1, w2), (b1, b2) = network.coefs_, network.intercepts_
    folder.mkdir(exist_ok=True)
    part = folder / f"{version}.part"
    with part.open("wb") as file:
        np.savez(file, w1=w1, b1=b1, w2=w2, b2=b2)
    part.replace(folder / f"{version}.npz")
    return Model.load(folder, version)


def _with_stickers(rows: Floats, stickers: list[Floats], dice: np.random.Generator) -> Floats:
    """Each picture with one sticker of the set, anywhere along the margin, however turned."""
    result = rows.copy()
    free = places()
    for row in result:
        square = stickers[dice.integers(len(stickers))].reshape(STICKER, STICKER)
        turned = np.rot90(square, int(dice.integers(4)))
        if dice.random() < 0.3:  # now and then one that nobody has made yet
            turned = dice.permutation(turned.reshape(-1)).reshape(STICKER, STICKER)
        row[mask(*free[dice.integers(len(free))])] = turned.reshape(-1)
    return result
