"""Adversarial patches: masked projected gradient descent against a classifier's own weights.

Law: a real attack (Brown et al. 2017; PGD, Madry et al. 2018). One sticker is sought that turns as
many pictures as possible, on average, from explicit to safe; only the sticker's pixels change and
they stay pixels. It takes the weights of the model, as someone has who stole or rebuilt it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hemostat.drill.range.moderation.images import STICKER, Floats, mask, stuck
from hemostat.drill.range.moderation.model import Model

_STEPS: Final = 60
_RATE: Final = 0.1


@dataclass(frozen=True)
class Sticker:
    """Its pixels, row by row, and where it goes."""

    pixels: Floats
    place: tuple[int, int]

    def on(self, rows: Floats) -> Floats:
        """The pictures with it."""
        return stuck(rows, self.pixels, self.place)


def gradient(model: Model, rows: Floats) -> Floats:
    """How each pixel moves the score's log-odds."""
    w1, b1, w2, _ = model.layers
    active = rows @ w1 + b1 > 0
    pixels: Floats = (active * w2[:, 0]) @ w1.T
    return pixels


def craft(model: Model, rows: Floats, place: tuple[int, int], seed: int) -> Sticker:
    """Seek the sticker at *place* that makes *rows* look safe to *model*."""
    covered = mask(*place)
    pixels = np.random.default_rng(seed).random(STICKER * STICKER)
    for _ in range(_STEPS):
        seen = stuck(rows, pixels, place)
        uphill = (gradient(model, seen) * model.scores(seen)[:, None]).mean(axis=0)
        pixels = np.clip(pixels - _RATE * np.sign(uphill[covered]), 0, 1)
    return Sticker(np.round(pixels * 255) / 255, place)


def success(model: Model, rows: Floats, sticker: Sticker) -> float:
    """Share of explicit *rows* that pass as safe with the sticker."""
    return float((~model.explicit(sticker.on(rows))).mean())
