"""The sentiment service's database: accounts, label store, prediction log, retraining state.

Law: one SQLite file (WAL) shared by the replicas and the trainer; every method is one short
transaction. Times are ISO 8601 in UTC with microseconds, so that text order is time order. The
pause is a promise: :meth:`Store.set_paused` returns only when no retraining effect is under way.
"""

import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS excluded (account TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, account TEXT NOT NULL,
    text TEXT NOT NULL, text_sha256 TEXT NOT NULL, label TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS feedback_at ON feedback (at);
CREATE INDEX IF NOT EXISTS feedback_text ON feedback (text_sha256);
CREATE TABLE IF NOT EXISTS predictions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, text TEXT NOT NULL,
    label TEXT NOT NULL, version TEXT NOT NULL, replica TEXT NOT NULL,
    rescored_label TEXT, rescored_version TEXT);
CREATE INDEX IF NOT EXISTS predictions_at ON predictions (at);
CREATE TABLE IF NOT EXISTS retraining (
    one INTEGER PRIMARY KEY CHECK (one = 1), paused INTEGER NOT NULL,
    last_run_at TEXT, next_run_at TEXT);
INSERT OR IGNORE INTO retraining VALUES (1, 0, NULL, NULL);
CREATE TABLE IF NOT EXISTS done (key TEXT PRIMARY KEY, answer TEXT NOT NULL);
"""


def timestamp(moment: datetime) -> str:
    """``moment`` as this database writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def now() -> str:
    """The present moment as this database writes it."""
    return timestamp(datetime.now(UTC))


@dataclass(frozen=True)
class Feedback:
    """One row of the label store."""

    id: int
    at: str
    account: str
    account_created_at: str
    text: str
    label: str


@dataclass(frozen=True)
class Inference:
    """One answer that was given."""

    at: str
    text: str
    label: str
    version: str
    replica: str


@dataclass(frozen=True)
class Retraining:
    """The schedule as the trainer keeps it."""

    paused: bool
    last_run_at: str | None
    next_run_at: str | None


class Store:
    """One process's connection to the database. Not for use by two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def add_account(self, name: str, created_at: str) -> None:
        """Register ``name`` unless it is known."""
        self._db.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?)", (name, created_at))

    def add_feedback(self, account: str, text: str, label: str, at: str | None = None) -> int:
        """Store one label; an unknown account begins to exist now. Returns the row's id."""
        moment = at or now()
        with self._transaction():
            self.add_account(account, moment)
            row = self._db.execute(
                "INSERT INTO feedback (at, account, text, text_sha256, label)"
                " VALUES (?, ?, ?, ?, ?) RETURNING id",
                (moment, account, text, _sha256(text), label),
            ).fetchone()
        return int(row["id"])

    def feedback_offset(self) -> dict[str, Any]:
        """``count``, ``last_id`` and ``last_at`` of the label store."""
        row = self._db.execute(
            "SELECT count(*) AS count, coalesce(max(id), 0) AS last_id, max(at) AS last_at"
            " FROM feedback"
        ).fetchone()
        return dict(row)

    def feedback(self, *, since: str = "", after_id: int = 0, limit: int = 1000) -> list[Feedback]:
        """Labels at or after ``since`` with an id above ``after_id``, oldest id first."""
        rows = self._db.execute(
            "SELECT f.id, f.at, f.account, a.created_at AS account_created_at, f.text, f.label"
            " FROM feedback f JOIN accounts a ON a.name = f.account"
            " WHERE f.id > ? AND f.at >= ? ORDER BY f.id LIMIT ?",
            (after_id, since, limit),
        )
        return [Feedback(**row) for row in rows]

    def contains_text(self, text_sha256: str) -> bool:
        """Whether a text with this SHA-256 (hex) is in the label store."""
        found = self._db.execute(
            "SELECT 1 FROM feedback WHERE text_sha256 = ? LIMIT 1", (text_sha256,)
        ).fetchone()
        return found is not None

    def add_inferences(self, rows: Iterable[Inference]) -> None:
        """Log answers."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO predictions (at, text, label, version, replica)"
                " VALUES (?, ?, ?, ?, ?)",
                [(row.at, row.text, row.label, row.version, row.replica) for row in rows],
            )

    def inferences(self, limit: int) -> list[Inference]:
        """The newest answers, newest first."""
        rows = self._db.execute(
            "SELECT at, text, label, version, replica FROM predictions ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [Inference(**row) for row in rows]

    def decisions(self, begin: str, end: str) -> tuple[int, int]:
        """How many answers were given in [begin, end], and how many of these were re-scored."""
        row = self._db.execute(
            "SELECT count(*) AS affected, count(rescored_version) AS rescored"
            " FROM predictions WHERE at >= ? AND at <= ?",
            (begin, end),
        ).fetchone()
        return int(row["affected"]), int(row["rescored"])

    def unscored(self, begin: str, end: str, limit: int) -> list[tuple[int, str]]:
        """Ids and texts of answers in [begin, end] that were not re-scored yet."""
        rows = self._db.execute(
            "SELECT id, text FROM predictions"
            " WHERE at >= ? AND at <= ? AND rescored_version IS NULL LIMIT ?",
            (begin, end, limit),
        )
        return [(int(row["id"]), str(row["text"])) for row in rows]

    def rescore(self, labels: Sequence[tuple[int, str]], version: str) -> None:
        """Record the corrected label of each answer id, and the version that gave it."""
        with self._transaction():
            self._db.executemany(
                "UPDATE predictions SET rescored_label = ?, rescored_version = ? WHERE id = ?",
                [(label, version, row) for row, label in labels],
            )

    def exclude(self, accounts: Iterable[str], key: str) -> None:
        """Keep the labels of ``accounts`` out of every training from now on."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO excluded VALUES (?, ?)",
                [(account, key) for account in accounts],
            )

    def excluded(self) -> frozenset[str]:
        """The accounts whose labels no training uses."""
        rows = self._db.execute("SELECT account FROM excluded")
        return frozenset(str(row["account"]) for row in rows)

    def retraining(self) -> Retraining:
        """The schedule now."""
        row = self._db.execute("SELECT * FROM retraining").fetchone()
        return Retraining(bool(row["paused"]), row["last_run_at"], row["next_run_at"])

    def set_schedule(self, last_run_at: str | None, next_run_at: str) -> None:
        """Record when retraining ran last (None: no change) and when it will run next."""
        self._db.execute(
            "UPDATE retraining SET last_run_at = coalesce(?, last_run_at), next_run_at = ?",
            (last_run_at, next_run_at),
        )

    def set_paused(self, paused: bool) -> Retraining:
        """Pause or resume; waits for a retraining effect that is under way."""
        with self.retraining_lock():
            self._db.execute("UPDATE retraining SET paused = ?", (paused,))
            return self.retraining()

    @contextmanager
    def retraining_lock(self) -> Iterator[None]:
        """Hold off everyone else's pause and retraining effects, in all processes.

        A file lock, not a database lock: replicas go on taking feedback meanwhile.
        """
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def answer_of(self, key: str) -> dict[str, Any] | None:
        """What the request with this idempotency key was answered, or None."""
        row = self._db.execute("SELECT answer FROM done WHERE key = ?", (key,)).fetchone()
        return None if row is None else dict(json.loads(row["answer"]))

    def remember(self, key: str, answer: dict[str, Any]) -> None:
        """Keep ``answer`` for repetitions of ``key``; the first one stays."""
        self._db.execute("INSERT OR IGNORE INTO done VALUES (?, ?)", (key, json.dumps(answer)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
