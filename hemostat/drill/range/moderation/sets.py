"""Adversarial sets: stickers that a red team made and validated beforehand, pinned by digest.

Law: a set is a file; its name is the digest of its bytes, which is worked out anew at each use.
One part is for training, the other is held out and never trained on. ``validated_at`` is in the
file: a set without it was validated by nobody.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from hemostat.drill.range.moderation.images import Floats, originals, pictures, places, stuck
from hemostat.drill.range.moderation.model import Model
from hemostat.drill.range.moderation.patch import craft, success

_ADAPTIVE: Final = 6
_SEED: Final = 77


@dataclass(frozen=True)
class StickerSet:
    """One set."""

    digest: str
    validated_at: str | None
    training: list[Floats]
    held_out: list[tuple[Floats, tuple[int, int]]]

    @classmethod
    def load(cls, folder: Path, digest: str) -> Self | None:
        """The set of this digest, or None where there is none, or its bytes have another one."""
        for path in folder.glob("*.json"):
            content = path.read_bytes()
            if "sha256:" + hashlib.sha256(content).hexdigest() == digest:
                return cls._read(digest, json.loads(content))
        return None

    @classmethod
    def _read(cls, digest: str, body: dict[str, Any]) -> Self:
        return cls(
            digest,
            body.get("validated_at"),
            [np.array(pixels) for pixels in body["training"]],
            [(np.array(s["pixels"]), (s["place"][0], s["place"][1])) for s in body["held_out"]],
        )


def evaluate(model: Model, before: Model, stickers: StickerSet) -> dict[str, Any]:
    """How *model* does on held-out stickers, on clean pictures, and when attacked anew itself."""
    pool = originals("held-out")
    rows = np.vstack([pictures(pool.subjects, _SEED + n) for n in range(2)])
    truth = np.tile(pool.explicit, 2)
    explicit = rows[truth]
    evaded = [
        float((~model.explicit(stuck(explicit, pixels, place))).mean())
        for pixels, place in stickers.held_out
    ]
    known = originals("train")
    against = pictures(known.subjects[known.explicit], _SEED)[:150]
    free = places()
    anew = [craft(model, against, free[n * len(free) // _ADAPTIVE], n) for n in range(_ADAPTIVE)]
    clean, clean_before = (m.accuracy(rows, truth) for m in (model, before))
    return {
        "version": model.version,
        "digest": model.digest,
        "set": stickers.digest,
        "n": len(explicit) * len(evaded),
        "attack_success": float(np.mean(evaded)),
        "adaptive_attack_success": float(np.mean([success(model, explicit, s) for s in anew])),
        "clean_accuracy": clean,
        "clean_drop": clean_before - clean,
    }
