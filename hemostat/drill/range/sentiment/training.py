"""From the base rows and the label store to a registered version: the step that gets poisoned.

Law: training believes its labels, as such loops do; its own validation uses the same data. Every
version carries its lineage: the cut-off of its data, digests of data and files, its parent.
Nothing here promotes.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hemostat.drill.range.sentiment.model import (
    ModelFiles,
    Row,
    SentimentModel,
    artifact_digest,
    dataset_digest,
    train,
)
from hemostat.drill.range.sentiment.registry import (
    DATASET_DIGEST,
    PARENT_VERSION,
    RETRAIN_KEY,
    TRAINING_CUTOFF,
    VALIDATED_AT,
    ModelVersion,
    Registry,
)
from hemostat.drill.range.sentiment.settings import SentimentSettings
from hemostat.drill.range.sentiment.store import Store, timestamp

_ALL = 1_000_000


@dataclass(frozen=True)
class Dataset:
    """What a version is trained on."""

    rows: list[Row]
    dropped: int
    """Labels that were left out because their account is excluded."""
    cutoff: datetime
    """No row is younger."""


@dataclass(frozen=True)
class Trained:
    """A model that is not registered yet."""

    files: ModelFiles
    dataset: Dataset
    accuracy: float
    """On the holdout, recorded but not a gate: the loop promotes by itself."""


def read_rows(path: Path) -> list[Row]:
    """Labelled texts, one JSON object with ``text`` and ``label`` a line."""
    with path.open(encoding="utf-8") as lines:
        return [Row(row["text"], row["label"]) for row in map(json.loads, lines)]


def assemble(settings: SentimentSettings, store: Store, cutoff: datetime) -> Dataset:
    """Base rows, then the labels up to ``cutoff`` of every account that is not excluded."""
    rows = read_rows(Path(settings.base_rows))
    excluded, latest = store.excluded(), timestamp(cutoff)
    labels = [row for row in store.feedback(limit=_ALL) if row.at <= latest]
    kept = [row for row in labels if row.account not in excluded]
    rows += [Row(row.text, row.label, settings.feedback_weight) for row in kept]
    return Dataset(rows, len(labels) - len(kept), cutoff)


def fit(settings: SentimentSettings, dataset: Dataset) -> Trained:
    """Train, and measure on the holdout."""
    files = train(dataset.rows, dataset.cutoff)
    holdout = read_rows(Path(settings.holdout))
    labels = SentimentModel.load(files, artifact_digest(files)).predict([r.text for r in holdout])
    right = sum(label == row.label for label, row in zip(labels, holdout, strict=True))
    return Trained(files, dataset, right / len(holdout))


def register(
    registry: Registry,
    trained: Trained,
    *,
    parent: str | None,
    validated_at: datetime | None = None,
    retrain_key: str | None = None,
    experiment_id: str | None = None,
) -> ModelVersion:
    """Register ``trained`` with its lineage; never promotes it."""
    tags = {
        TRAINING_CUTOFF: timestamp(trained.dataset.cutoff),
        DATASET_DIGEST: dataset_digest(trained.dataset.rows),
        VALIDATED_AT: timestamp(validated_at or datetime.now(UTC)),
    }
    if parent is not None:
        tags[PARENT_VERSION] = parent
    if retrain_key is not None:
        tags[RETRAIN_KEY] = retrain_key
    return registry.register(
        trained.files,
        experiment_id=experiment_id or registry.experiment_id(),
        tags=tags,
        metrics={"holdout_accuracy": trained.accuracy, "rows": len(trained.dataset.rows)},
        started_ms=time.time_ns() // 1_000_000,
    )
