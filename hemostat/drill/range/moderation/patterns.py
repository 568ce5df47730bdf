"""Forensics of confirmed misses: which share one sticker, what it looks like, how well it works.

Law: pictures stay here. What leaves is hashes, counts and shares. The sticker is drawn from one
half of the misses and must explain the other half, which it has not seen.
"""

import sqlite3
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from hemostat.drill.range.moderation.decisions import SIMILAR
from hemostat.drill.range.moderation.images import (
    Floats,
    decode_all,
    hamming,
    mask,
    originals,
    perceptual_hash,
    pictures,
    places,
    stuck,
)
from hemostat.drill.range.moderation.model import Model

CLUSTER_FLOOR: Final = 3
_MOST: Final = 400


@dataclass(frozen=True)
class Cluster:
    """The largest group of misses that share a sticker."""

    id: str
    items: int
    phash: str
    hamming_max: int
    place: tuple[int, int]


@dataclass(frozen=True)
class Miss:
    """A confirmed miss and the place whose masking makes the model see what it is."""

    row: Floats
    place: tuple[int, int]
    hash: int


def misses_of(model: Model, contents: list[bytes]) -> list[Miss]:
    """The most telling place of each missed picture, and its hash."""
    rows = decode_all(contents[-_MOST:])
    free = places()
    if not len(rows):
        return []
    scores = np.array([model.scores(np.where(mask(*place), 0.0, rows)) for place in free])
    found = []
    for row, best in zip(rows, scores.argmax(axis=0), strict=True):
        place = free[int(best)]
        found.append(Miss(row, place, perceptual_hash(row[mask(*place)])))
    return found


def cluster_of(misses: list[Miss]) -> Cluster | None:
    """The largest cluster: same place, hashes alike. None below three."""
    best: list[Miss] = []
    for centre in misses:
        group = [m for m in misses if m.place == centre.place and _alike(m.hash, centre.hash)]
        if len(group) > len(best):
            best = group
    if len(best) < CLUSTER_FLOOR:
        return None
    common, _ = Counter(m.hash for m in best).most_common(1)[0]
    spread = max(hamming(m.hash, common) for m in best)
    return Cluster(f"p-{common % 1000:03d}", len(best), f"{common:016x}", spread, best[0].place)


def analyse(model: Model, missed: list[bytes], uploads: list[sqlite3.Row]) -> dict[str, Any]:
    """Everything about the pattern; *uploads* are all recent ones, oldest first."""
    misses = misses_of(model, missed)
    learned, unseen = misses[::2], misses[1::2]
    cluster = cluster_of(misses)
    if cluster is None or not unseen:
        return {"misses": len(misses), "cluster": None}
    like = int(cluster.phash, 16)
    drawn = [m for m in learned if m.place == cluster.place and _alike(m.hash, like)]
    covered = mask(*cluster.place)
    sticker = np.median([m.row[covered] for m in drawn or misses], axis=0)
    explained = sum(
        _alike(perceptual_hash(m.row[covered]), perceptual_hash(sticker)) for m in unseen
    )
    pool = originals("held-out")
    fresh = pictures(pool.subjects[pool.explicit], 404)
    seen = fresh[model.explicit(fresh)]
    evaded = (~model.explicit(stuck(seen, sticker, cluster.place))).mean()
    carrying = [
        row
        for row, picture in zip(
            uploads, decode_all([row["content"] for row in uploads]), strict=True
        )
        if _alike(perceptual_hash(picture[covered]), like)
    ]
    return {
        "misses": len(misses),
        "cluster": {**asdict(cluster), "place": list(cluster.place)},
        "explained": explained / len(unseen),
        "attack_success": float(evaded),
        "uploads": len(carrying),
        "first_at": carrying[0]["at"] if carrying else None,
        "accounts": sorted({row["account"] for row in carrying}),
        "digests": [row["digest"] for row in carrying][-200:],
    }


def _alike(one: int, other: int) -> bool:
    return hamming(one, other) <= SIMILAR
