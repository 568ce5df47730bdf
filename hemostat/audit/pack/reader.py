"""Reads a pack: its members by name, and what they hold in our own types.

What it gives has the right form and nothing more; whether it is true is for
``hemostat.audit.verify``. A pack whose form is broken raises ``BrokenPack``, which says where.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import to_json

from hemostat.audit.pack.archive import NotAnArchive, map_file, read_archive
from schemas.audit.checkpoint import KIND as CHECKPOINT
from schemas.audit.checkpoint import Checkpoint
from schemas.audit.manifest import EvidenceList, Manifest
from schemas.audit.reads import Read
from schemas.audit.register import KIND as REGISTER
from schemas.audit.register import RegisterEntry
from schemas.audit.signing import Envelope, open_envelope
from schemas.audit.strict import (
    DEEPEST,
    NotStrict,
    is_plain,
    is_same,
    quickly_as,
    strict_json,
)
from schemas.base import Digest, Frozen
from schemas.canonical import digest_bytes
from schemas.errors import NotHeld
from schemas.journal import GENESIS, MOST, Entry, Kind

if TYPE_CHECKING:
    from schemas.clocks.view import ClocksView

FRAME = 4
"""Bytes before each event that say how long it is, big-endian."""

Model = TypeVar("Model", bound=Frozen)


class BrokenPack(NotHeld):
    """The pack is not in its form; ``code`` and ``member`` say what is wrong where."""

    def __init__(self, code: str, says: str, member: str = "") -> None:
        super().__init__(says, where=member or "the pack")
        self.code = code
        self.member = member


class Pack:
    """An open pack. Its bytes are mapped, not read: memory stays small whatever its size."""

    def __init__(self, content: Any, name: str) -> None:
        self.name = name
        self._digests: dict[str, Digest] = {}
        try:
            self._members = read_archive(content)
        except NotAnArchive as error:
            raise BrokenPack(error.code, str(error), error.member) from None

    @classmethod
    def open(cls, path: Path) -> "Pack":
        """Open the pack at *path*; ``BrokenPack`` if its form is broken, ``OSError`` if unreadable."""
        return cls(map_file(path), path.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The members, in order."""
        return tuple(self._members)

    def content(self, name: str) -> memoryview:
        """Return the bytes of a member; ``BrokenPack`` if there is none of that name."""
        if name not in self._members:
            raise BrokenPack("member-missing", "the member is not there", name)
        return self._members[name].content

    def digest(self, name: str) -> Digest:
        """Return the digest of a member's bytes, which are read for it once."""
        if name not in self._digests:
            self._digests[name] = digest_bytes(self.content(name))
        return self._digests[name]

    def json(self, name: str) -> Any:
        """Return the value of a JSON member."""
        return _strict(bytes(self.content(name)), name)

    def model(self, name: str, model: type[Model]) -> Model:
        """Return a JSON member as *model*."""
        return _as(model, self.json(name), name)

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member; the last ends as all do."""
        content, at = bytes(self.content(name)), 0
        while at < len(content):
            end = content.find(b"\n", at)
            if end < 0:
                raise BrokenPack("json-syntax", "the last line is cut off", name)
            yield content[at:end]
            at = end + 1

    @property
    def manifest(self) -> Manifest:
        """What the pack says it holds."""
        quick = quickly_as(Manifest, bytes(self.content("manifest.json")))
        if quick is not None:
            return quick
        value = self.json("manifest.json")  # says what is wrong, if anything is
        if not isinstance(value, dict) or value.get("format") != "hemostat-pack/1":
            raise BrokenPack(
                "format-version",
                "it is of a format that this version does not know",
                "manifest.json",
            )
        return _as(Manifest, value, "manifest.json")

    def journal(self) -> Iterator[Entry]:
        """Yield the journal's entries, in order."""
        return (entry for entry, _ in self.digested_journal())

    def digested_journal(self) -> Iterator[tuple[Entry, Digest]]:
        """Yield each entry of the journal with the digest that its content has."""
        for number, line in enumerate(self.lines("journal.jsonl")):
            yield _entry(line, number), digest_bytes(_undigested(line))

    def events(self, folder: str) -> Iterator[memoryview]:
        """Yield the bytes of each event (protobuf) of the run in *folder*, in order."""
        name = f"{folder}.events"
        content, at = self.content(name), 0
        end = len(content)
        while at < end:
            size = int.from_bytes(content[at : at + FRAME], "big")
            at += FRAME
            if at + size > end:
                raise BrokenPack("history-cut", "the last event is cut off", name)
            yield content[at : at + size]
            at += size

    def histories(self) -> Iterator["RunHistory"]:
        """Yield the history of each run, in order."""
        for run in self.manifest.runs:
            as_json = f"{run.folder}.json"
            yield RunHistory(
                self, run.run, run.folder, as_json if as_json in self._members else None
            )

    def checkpoints(self) -> Iterator[Envelope[Checkpoint]]:
        """Yield the checkpoints, in order, their signatures not yet checked."""
        yield from self._envelopes("checkpoints.jsonl", CHECKPOINT, Checkpoint)

    def register(self) -> Iterator[Envelope[RegisterEntry]]:
        """Yield the register's entries of this incident, their signatures not yet checked."""
        yield from self._envelopes("register.jsonl", REGISTER, RegisterEntry)

    def decisions(self) -> list[dict[str, Any]]:
        """Return what people said that counted or was refused, as the journal has it."""
        value = self.json("decisions.json")
        if not isinstance(value, list):
            raise BrokenPack("shape", "it is no list", "decisions.json")
        return value

    def clocks(self) -> "ClocksView | None":
        """Return the ledger of legal clocks at the close; None if the pack has none."""
        from schemas.clocks.view import ClocksView  # noqa: PLC0415 - a verifier does without it

        return self.model("clocks.json", ClocksView) if "clocks.json" in self._members else None

    def evidence(self) -> EvidenceList:
        """Return the list of evidence; items that are included lie under ``evidence/``."""
        return self.model("evidence.json", EvidenceList)

    def reads(self) -> tuple[Read, ...] | None:
        """Return who read the incident until its close; None if the pack does not say."""
        name = "reads.jsonl"
        if name not in self._members:
            return None
        return tuple(_as(Read, _strict(line, name), name) for line in self.lines(name))

    def code(self) -> dict[str, Any] | None:
        """Return the digests of code and data that the sealer saw; None while it is open."""
        return dict(self.json("code.json")) if "code.json" in self._members else None

    def _envelopes(self, name: str, kind: str, model: type[Model]) -> Iterator[Envelope[Model]]:
        for number, line in enumerate(self.lines(name)):
            try:
                yield open_envelope(kind, line, model)
            except NotStrict as error:
                where = f"{name}:{number + 1}"
                raise BrokenPack(error.code, str(error), where) from None


@dataclass(frozen=True)
class RunHistory:
    """The history of one run, as bytes for machines and as JSON for people."""

    pack: Pack
    run: str
    folder: str
    json_member: str | None

    def events(self) -> Iterator[memoryview]:
        """Yield each event's protobuf bytes, in order."""
        return self.pack.events(self.folder)

    def json(self) -> dict[str, Any] | None:
        """Return the history in Temporal's JSON (``WorkflowHistory.from_json``); None while open."""
        if self.json_member is None:
            return None
        value: dict[str, Any] = json.loads(bytes(self.pack.content(self.json_member)))
        return value


def decisions_of(entries: Iterator[Entry] | list[Entry]) -> list[dict[str, Any]]:
    """Return what ``decisions.json`` holds for a journal: what people said, in its order."""
    told = (Kind.DECISION, Kind.REFUSED)
    return [
        {"seq": e.seq, "at": e.at, "kind": e.kind.value, "says": e.says, "data": e.data}
        for e in entries
        if e.kind in told
    ]


def _undigested(line: bytes) -> bytes:
    """The canonical JSON of an entry without its digest, from that with it.

    Behind it stand texts and a number alone, and within a text a quote follows a backslash: the
    last place that begins with a comma and this name is the entry's own.
    """
    at = line.rindex(_DIGEST)
    return line[:at] + line[at + len(_DIGEST) + len(GENESIS) + 1 :]


_DIGEST: Final = b',"digest":"'


def _strict(text: bytes, where: str) -> Any:
    try:
        return strict_json(text)
    except NotStrict as error:
        raise BrokenPack(error.code, str(error), where) from None


def _entry(line: bytes, number: int) -> Entry:
    """Return *line*, which is canonical JSON, as an entry of the journal."""
    quick = _quick_entry(line)
    if quick is not None:
        return quick
    where = f"journal.jsonl:{number + 1}"  # what is wrong, if anything is, the long way says
    return _as(Entry, _strict(line, where), where)


def _quick_entry(line: bytes) -> Entry | None:
    """Return *line* as an entry if that is written byte for byte as *line*; None: see there.

    Its fields stand in another order, which recorded histories hold, and it cannot write itself.
    """
    try:
        entry = Entry.__pydantic_validator__.validate_json(line)
    except ValidationError:
        return None
    written = to_json(
        {
            "at": entry.at,
            "data": entry.data,
            "digest": entry.digest,
            "kind": str.__str__(entry.kind),  # as a member it takes as long as all else
            "prev": entry.prev,
            "says": entry.says,
            "seq": entry.seq,
            "step": entry.step,
        }
    )
    if written != line or not is_plain(entry.data, DEEPEST - 1) or abs(entry.seq) > MOST:
        return None
    read: Entry = entry
    return read


def _as(model: type[Model], value: Any, where: str) -> Model:
    """Return *value*, as it was read from canonical JSON, as *model*."""
    try:
        read = model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])[:80]
        raise BrokenPack("shape", f"it is not what the format says ({field})", where) from None
    if not is_same(read.model_dump(mode="json", exclude_unset=True), value):
        raise BrokenPack("shape", "it is not written in the one form of the format", where)
    return read
