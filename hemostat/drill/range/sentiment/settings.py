"""What every process of the sentiment service is told, in one JSON file.

Law: paths and addresses, never a secret; the admin token is named by the file that holds it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class SentimentSettings:
    """One deployment of the service."""

    registry_url: str
    model: str
    alias: str
    database: str
    base_rows: str
    """The genuine reviews that every training starts from: a JSON object a line."""
    holdout: str
    admin_token_file: str
    replicas: Mapping[str, str]
    """Name to base URL, on loopback."""
    retrain_every: float = 5.0
    """Seconds between two scheduled retrainings."""
    min_new_rows: int = 15
    """Retraining is skipped while the label store has grown by less."""
    feedback_weight: float = 3.0
    """Feedback counts this much more than a base row, so that the model follows its users."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file that ``save`` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        """Write all of it to ``path``."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    def admin_token(self) -> str:
        """The bearer token of the admin endpoints."""
        return Path(self.admin_token_file).read_text(encoding="utf-8").strip()
