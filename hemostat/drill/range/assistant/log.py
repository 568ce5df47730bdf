"""The assistant's log: who asked what, what was looked up, what was answered; a JSON object a line.

Law: appended only; it is kept for some hours unless it is held, and a hold names who holds it.
"""

import json
import threading
from bisect import bisect_left
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Log:
    """Rows in memory and in a file, numbered from 1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self._rows = [json.loads(line) for line in lines]

    def add(self, caller: str, prompt: str, answer: str, documents: list[str]) -> None:
        """Note one exchange."""
        with self._lock:
            row = {
                "id": len(self._rows) + 1,
                "at": datetime.now(UTC).isoformat(),
                "caller": caller,
                "prompt": prompt,
                "answer": answer,
                "documents": documents,
            }
            self._rows.append(row)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def rows(self, after: int, most: int, since: datetime | None = None) -> list[dict[str, Any]]:
        """The rows after number *after*, oldest first; *since* leaves out those from before it."""
        if since is not None:
            after = max(after, bisect_left(self._rows, since, key=_at))
        return self._rows[after : after + most]


def _at(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["at"])
