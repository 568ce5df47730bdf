"""What the red team prepared before anything happened: sealed sets, each pinned by its digest.

    python -m hemostat.drill.range.evasion.redteam FOLDER

Law: made against the version that serves, from originals that nobody trains on. The sealed
adversarial set is for proving containment and its author is not the filter's; each of its pictures
was seen to be caught when clean and to evade with its sticker. The set for training is another one.
"""

import argparse
import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from hemostat.drill.range.moderation.images import (
    Floats,
    cropped,
    encode,
    originals,
    pictures,
    places,
)
from hemostat.drill.range.moderation.model import Model
from hemostat.drill.range.moderation.patch import Sticker, craft, success

SEALED: Final = "sealed-adversarial.jsonl"
BENIGN: Final = "benign.jsonl"
TRAINING: Final = "red-team.json"
_SEALED_SIZE: Final = 60
_BENIGN_SIZE: Final = 120
_WORKS: Final = 0.5
_SURE: Final = 0.7


def prepare(folder: Path, version: str) -> None:
    """Make and validate the sets; waits for the version to be trained."""
    model = _when_trained(folder / "models", version)
    known = originals("train")
    against = pictures(known.subjects[known.explicit], 31)[:120]
    free = places()
    made = [craft(model, against, place, 1000 + n) for n, place in enumerate([*free, *free[::2]])]
    _keep_training_set(folder / "sets", model, made)
    held_out = originals("held-out")
    rows = pictures(held_out.subjects, 32)
    _keep(folder / SEALED, _sealed(model, rows[held_out.explicit], made[::-3]))
    benign = rows[~held_out.explicit]
    _keep(folder / BENIGN, benign[~model.explicit(benign)][:_BENIGN_SIZE])


def _keep_training_set(folder: Path, model: Model, made: list[Sticker]) -> None:
    fresh = originals("held-out")
    explicit = pictures(fresh.subjects[fresh.explicit], 33)
    works = [s for s in made if success(model, explicit, s) >= _WORKS]
    body = {
        "validated_at": datetime.now(UTC).isoformat(),
        "training": [s.pixels.tolist() for n, s in enumerate(works) if n % 4],
        "held_out": [{"pixels": s.pixels.tolist(), "place": s.place} for s in works[::4]],
    }
    folder.mkdir(exist_ok=True)
    (folder / TRAINING).write_text(json.dumps(body), encoding="utf-8")


def _sealed(model: Model, explicit: Floats, stickers: list[Sticker]) -> Floats:
    """Pictures that a person would call explicit beyond doubt and that evade the model."""
    sure = model.scores(explicit) >= _SURE
    sure &= model.scores(cropped(explicit, 4)) >= _SURE
    chosen = [s.on(explicit[sure]) for s in stickers]
    evading = np.vstack([rows[~model.explicit(rows)] for rows in chosen])
    order = np.random.default_rng(34).permutation(len(evading))
    picked: Floats = evading[order[:_SEALED_SIZE]]
    return picked


def _keep(path: Path, rows: Floats) -> None:
    lines = [json.dumps({"content": base64.b64encode(encode(row)).decode()}) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _when_trained(models: Path, version: str) -> Model:
    while True:  # the process that started us ends us when the service never comes up
        try:
            return Model.load(models, version)
        except OSError:
            time.sleep(0.1)


def main(argv: list[str] | None = None) -> None:
    """Prepare and exit."""
    parser = argparse.ArgumentParser(prog="moderation_redteam")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="7")
    given = parser.parse_args(argv)
    prepare(given.folder, given.version)


if __name__ == "__main__":
    main()
