"""Pictures of the moderation range: real handwritten digits that stand in for content.

Law: pure functions over arrays of shares of white, one row of 256 a picture. Some digits count as
explicit, the rest is safe; the model and the attack are real, the content never is. A picture has
a subject in its middle and a margin, where a sticker can be. The pools share no original: what a
model was trained on is not what users upload, and neither is what anybody is measured with.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from sklearn.datasets import load_digits

SIDE: Final = 16
STICKER: Final = 4
EXPLICIT: Final = (0, 4, 6)
POOLS: Final = {"train": (0, 1100), "live": (1100, 1450), "held-out": (1450, 1797)}
MARGIN: Final = 4

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NOISE: Final = 0.04
_KERNEL: Final = np.array([0.25, 0.5, 0.25])
_HEADER: Final = b"P5\n16 16\n255\n"
# JPEG's luminance table (ITU-T T.81, K.1), which is that of quality 50.
_QUANTA: Final = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


class BadPicture(ValueError):
    """The bytes are no picture that this service takes."""


@dataclass(frozen=True)
class Originals:
    """One pool: 8 by 8 subjects, and whether each counts as explicit."""

    subjects: Floats
    explicit: Flags


@cache
def originals(pool: str) -> Originals:
    """The originals of one of ``POOLS``."""
    digits: Any = load_digits()
    order = np.random.default_rng(20261122).permutation(len(digits.target))
    begin, end = POOLS[pool]
    chosen = order[begin:end]
    return Originals(digits.images[chosen] / 16, np.isin(digits.target[chosen], EXPLICIT))


def pictures(subjects: Floats, seed: int) -> Floats:
    """Each subject as a new picture: in the middle, with the light and the noise of a camera."""
    dice = np.random.default_rng(seed)
    canvas = np.zeros((len(subjects), SIDE, SIDE))
    for number, subject in enumerate(subjects):
        canvas[number, MARGIN:-MARGIN, MARGIN:-MARGIN] = subject * dice.uniform(0.8, 1.0)
    noisy = np.clip(canvas + dice.normal(0, _NOISE, canvas.shape), 0, 1)
    return decode_all([encode(row) for row in noisy.reshape(len(subjects), -1)])


def encode(picture: Floats) -> bytes:
    """One picture as a binary graymap (PGM)."""
    return _HEADER + np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8).tobytes()


def decode(content: bytes) -> Floats:
    """The picture in the bytes. Raises :class:`BadPicture`."""
    pixels = content[len(_HEADER) :]
    if not content.startswith(_HEADER) or len(pixels) != SIDE * SIDE:
        raise BadPicture(f"expected a {SIDE} by {SIDE} binary graymap")
    return np.frombuffer(pixels, np.uint8).astype(np.float64) / 255


def decode_all(contents: list[bytes]) -> Floats:
    """Several pictures, a row each."""
    return np.array([decode(content) for content in contents]).reshape(-1, SIDE * SIDE)


def digest(content: bytes) -> str:
    """How a picture is spoken of everywhere: never by its bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def reencoded(rows: Floats) -> Floats:
    """As after JPEG at quality 50: its lossy step, block by block."""
    blocks = rows.reshape(-1, 2, 8, 2, 8).transpose(0, 1, 3, 2, 4) * 255 - 128
    kept = np.round(dctn(blocks, axes=(3, 4), norm="ortho") / _QUANTA) * _QUANTA
    back = np.clip((idctn(kept, axes=(3, 4), norm="ortho") + 128) / 255, 0, 1)
    flat: Floats = back.transpose(0, 1, 3, 2, 4).reshape(-1, SIDE * SIDE)
    return flat


def blurred(rows: Floats) -> Floats:
    """As after a small blur (binomial, 3 by 3)."""
    padded = np.pad(rows.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = np.stack([padded[:, i : i + SIDE, :] for i in range(3)])
    across = np.einsum("i,inrc->nrc", _KERNEL, down)
    both = np.stack([across[:, :, i : i + SIDE] for i in range(3)])
    flat: Floats = np.einsum("i,inrc->nrc", _KERNEL, both).reshape(-1, SIDE * SIDE)
    return flat


def cropped(rows: Floats, border: int = 2) -> Floats:
    """With *border* pixels of each side masked; 2 are about a tenth of the picture's side."""
    cut = np.zeros((len(rows), SIDE, SIDE))
    inner = slice(border, SIDE - border)
    cut[:, inner, inner] = rows.reshape(-1, SIDE, SIDE)[:, inner, inner]
    return cut.reshape(-1, SIDE * SIDE)


def mask(row: int, col: int, side: int = STICKER) -> Flags:
    """Where a sticker at this place covers the picture."""
    covered = np.zeros((SIDE, SIDE), dtype=bool)
    covered[row : row + side, col : col + side] = True
    return covered.reshape(-1)


def places() -> list[tuple[int, int]]:
    """Where a sticker can be without hiding the subject: along the margin."""
    last = SIDE - STICKER
    along = range(0, last + 1, 2)
    return sorted({(r, c) for r in along for c in along if r in (0, last) or c in (0, last)})


def stuck(rows: Floats, sticker: Floats, place: tuple[int, int]) -> Floats:
    """The pictures with *sticker* (its pixels, row by row) on each."""
    result = rows.copy()
    result[:, mask(*place)] = sticker
    return result


def perceptual_hash(crop: Floats) -> int:
    """64 bits of what a small crop looks like: equal but for a few bits for similar crops."""
    side = round(len(crop) ** 0.5)
    large = np.kron(crop.reshape(side, side), np.ones((8 // side, 8 // side)))
    waves = dctn(np.round(large, 1), norm="ortho").reshape(-1)
    bits = waves > np.median(waves[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)


def hamming(one: int, other: int) -> int:
    """In how many bits two hashes differ."""
    return (one ^ other).bit_count()
