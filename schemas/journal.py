"""The journal: what happened, in order, each entry bound to all before it by SHA-256.

An entry's digest covers its canonical JSON (RFC 8785) without the digest itself, and that JSON
holds the previous digest, so no entry can be changed, dropped or moved without changing the head.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any

from pydantic import JsonValue

from schemas.base import Digest, Frozen, iso
from schemas.canonical import digest_of
from schemas.errors import NotHeld

GENESIS: Digest = "sha256:" + "0" * 64
"""The digest before the first entry."""


class Kind(StrEnum):
    """What an entry tells."""

    OPENED = "opened"
    ALERT = "alert"
    RULE = "rule"
    PHASE = "phase"
    STEP = "step"
    EFFECT = "effect"
    PROOF = "proof"
    UNDO = "undo"
    GATE = "gate"
    DECISION = "decision"
    REFUSED = "refused"
    PAGE = "page"
    MESSAGE = "message"
    EVIDENCE = "evidence"
    FINDING = "finding"
    CLOCK = "clock"
    CONTINUED = "continued"
    CLOSED = "closed"


class Entry(Frozen):
    """One entry of the journal; ``says`` is our own sentence, never text from outside."""

    seq: int
    at: str
    kind: Kind
    step: str | None
    says: str
    data: dict[str, JsonValue]
    prev: Digest
    digest: Digest


MOST = 2**53 - 1
"""The largest integer that every JSON reader gives back unchanged."""


def recordable(value: Any) -> Any:
    """Return JSON *value* with what canonical JSON cannot carry written out as text.

    Those are NaN and infinities, whole numbers beyond ``MOST`` however they are written (canonical
    JSON writes 1e20 as an integer), and half characters (lone surrogates). They come from outside; a record that raised on them would stop the response.
    """
    kind = type(value)
    # First what most values are, without isinstance, which is dear in a workflow's sandbox.
    if kind is bool or value is None or (kind is str and value.isascii()):
        return value
    if kind is dict:
        return {recordable(str(key)): recordable(inner) for key, inner in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float):
        kept = isfinite(value) and (abs(value) <= MOST or not value.is_integer())
        return value if kept else str(value)
    if isinstance(value, int):
        return value if abs(value) <= MOST else str(value)
    if isinstance(value, Mapping):
        return {recordable(str(key)): recordable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [recordable(inner) for inner in value]
    return value


def _seal(fields: Mapping[str, Any]) -> Digest:
    return digest_of(dict(fields))


class Journal:
    """An append-only list of entries with its chain.

    Pure: the caller gives the time. ``seq`` counts from 0 over the whole incident, also where
    earlier entries live elsewhere (``start`` and ``prev`` then say where this segment goes on).
    """

    def __init__(self, start: int = 0, prev: Digest = GENESIS) -> None:
        self.entries: list[Entry] = []
        self._next = start
        self.head: Digest = prev

    @property
    def length(self) -> int:
        """How many entries the incident has, earlier segments included."""
        return self._next

    def add(
        self,
        at: datetime,
        kind: Kind,
        says: str,
        *,
        step: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Append an entry and return it; *data* is JSON, kept as ``recordable`` gives it."""
        fields: dict[str, Any] = {
            "seq": self._next,
            "at": iso(at),
            "kind": kind.value,
            "step": step,
            "says": says,
            "data": recordable(data or {}),
            "prev": self.head,
        }
        entry = Entry(**fields, digest=_seal(fields))
        self.entries.append(entry)
        self._next += 1
        self.head = entry.digest
        return entry

    def adopt(self, entries: Iterable[Entry]) -> None:
        """Take over *entries* that follow the head; the caller has verified them."""
        for entry in entries:
            self.entries.append(entry)
            self._next, self.head = entry.seq + 1, entry.digest


def verify_chain(entries: Iterable[Entry], start: int = 0, prev: Digest = GENESIS) -> Digest:
    """Return the head of *entries*; raise ``NotHeld`` at the first link that breaks."""
    expected = start
    for entry in entries:
        where = f"journal entry {entry.seq}"
        if entry.seq != expected:
            raise NotHeld(f"entry {expected} is missing or out of order", where=where)
        if entry.prev != prev:
            raise NotHeld("it does not follow the entry before it", where=where)
        if _seal(entry.model_dump(mode="json", exclude={"digest"})) != entry.digest:
            raise NotHeld("its content does not match its digest", where=where)
        prev = entry.digest
        expected += 1
    return prev
