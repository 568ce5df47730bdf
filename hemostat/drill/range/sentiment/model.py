"""The sentiment model: a scikit-learn text pipeline, trained the same way every time.

Law: no network and no clock. The same rows in the same order give the same model, and a model is
known by the digest over its files. The files are what MLflow's own ``sklearn`` flavour loads, so
any MLflow client can check what is served here. The digest is checked before a file is unpickled.
"""

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

_DATA_FILE: Final = "model.pkl"
_DESCRIPTION: Final = """\
artifact_path: model
flavors:
  python_function:
    env: {{virtualenv: python_env.yaml}}
    loader_module: mlflow.sklearn
    model_path: {data}
    predict_fn: predict
    python_version: 3.11.0
  sklearn:
    code: null
    pickled_model: {data}
    serialization_format: pickle
    sklearn_version: {sklearn}
utc_time_created: '{cutoff}'
"""

ModelFiles = Mapping[str, bytes]
"""A model as it lies in the registry: file name to content."""


@dataclass(frozen=True)
class Row:
    """One training example and how much it counts."""

    text: str
    label: str
    weight: float = 1.0


class DigestMismatch(Exception):
    """The model's files are not those that the registry recorded for this version."""


def train(rows: Sequence[Row], cutoff: datetime) -> ModelFiles:
    """Fit on ``rows`` and return the model's files; ``cutoff`` is recorded in their description."""
    pipeline = Pipeline(
        [
            ("words", TfidfVectorizer(min_df=2, sublinear_tf=True)),
            ("classifier", LogisticRegression(C=1.0, max_iter=200)),
        ]
    )
    pipeline.fit(
        [row.text for row in rows],
        [row.label for row in rows],
        classifier__sample_weight=np.array([row.weight for row in rows]),
    )
    description = _DESCRIPTION.format(
        data=_DATA_FILE, sklearn=sklearn.__version__, cutoff=cutoff.isoformat()
    )
    requirements = f"scikit-learn=={sklearn.__version__}\n"
    return {
        "MLmodel": description.encode(),
        "requirements.txt": requirements.encode(),
        "python_env.yaml": b"python: 3.11\ndependencies: [-r requirements.txt]\n",
        _DATA_FILE: pickle.dumps(pipeline, protocol=5),
    }


def artifact_digest(files: ModelFiles) -> str:
    """``sha256:`` over "name, NUL, SHA-256 of the content, newline", files sorted by name."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def dataset_digest(rows: Sequence[Row]) -> str:
    """``sha256:`` over label, weight and text of each row, in order."""
    whole = hashlib.sha256()
    for row in rows:
        whole.update(f"{row.label}\0{row.weight}\0{row.text}\n".encode())
    return f"sha256:{whole.hexdigest()}"


class SentimentModel:
    """A loaded model. Thread-safe: prediction reads only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @classmethod
    def load(cls, files: ModelFiles, expected_digest: str) -> "SentimentModel":
        """Load what the registry holds. Raises :class:`DigestMismatch` before unpickling."""
        found = artifact_digest(files)
        if found != expected_digest:
            raise DigestMismatch(f"expected {expected_digest}, the files have {found}")
        return cls(pickle.loads(files[_DATA_FILE]))  # noqa: S301 - digest checked just above

    def predict(self, texts: Sequence[str]) -> list[str]:
        """``positive`` or ``negative`` for each text."""
        if not texts:
            return []
        return [str(label) for label in self._pipeline.predict(list(texts))]
