"""What the moderation service keeps: items with their decisions, its settings, answered keys.

Law: one SQLite file, one process. An approval is kept with its moment, version and account; an
item under legal hold is never deleted. Times are ISO 8601 in UTC with microseconds, so that they
compare as text.
"""

import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_TABLES: Final = """
create table if not exists items (
  id integer primary key, at text not null, account text not null, digest text not null,
  content blob not null, decision text not null, version text not null, decided_by text not null,
  unstable integer not null, verdict text, flag text, held integer not null default 0,
  rescanned integer not null default 0, removed integer not null default 0
);
create index if not exists items_at on items (at);
create table if not exists kept (name text primary key, value text not null);
"""


@dataclass(frozen=True)
class Item:
    """One upload and what was decided; ``unstable``: a transform of it was decided otherwise."""

    at: str
    account: str
    digest: str
    content: bytes
    decision: str
    version: str
    decided_by: str
    unstable: bool


def now() -> str:
    """This moment."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    """*moment* as it is kept."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Store:
    """The file. Methods are safe from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=off;" + _TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, item: Item, verdict: str | None = None) -> int:
        """Keep an item; its number."""
        with self._lock:
            added = self._db.execute(
                "insert into items (at, account, digest, content, decision, version, decided_by,"
                " unstable, verdict) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    item.at,
                    item.account,
                    item.digest,
                    item.content,
                    item.decision,
                    item.version,
                    item.decided_by,
                    item.unstable,
                    verdict,
                ),
            )
        return int(added.lastrowid or 0)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def number(self, query: str, *values: object) -> int:
        """The one number that a query gives."""
        return int(self.rows(query, *values)[0][0] or 0)

    def write(self, statement: str, *values: object) -> int:
        """Change rows; how many."""
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def get(self, name: str, default: Any = None) -> Any:
        """A kept value."""
        found = self.rows("select value from kept where name = ?", name)
        return json.loads(found[0][0]) if found else default

    def put(self, name: str, value: Any) -> None:
        """Keep a value."""
        self.write("insert or replace into kept values (?, ?)", name, json.dumps(value))
