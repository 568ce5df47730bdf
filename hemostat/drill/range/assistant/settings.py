"""What the assistant is told, in one JSON file: addresses, paths and names, never a secret."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class AssistantSettings:
    """One deployment of the service."""

    port: int
    cloud_url: str
    region: str
    bucket: str
    secret: str
    """The entry of the secret store that holds its key for the documents."""
    identity_file: str
    """Its own identity, good for reading that secret only: JSON with key id and secret."""
    admin_token_file: str
    log_file: str
    groups: Mapping[str, tuple[str, ...]]
    """Caller id to the projects whose documents that caller may read."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file that ``save`` wrote."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**found)

    def save(self, path: Path) -> None:
        """Write all of it to ``path``."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
