"""The evidence vault keeps bytes by their SHA-256: written once, never changed, checked when read.

Law: a file under its final name is complete and on disk. Content is written under a temporary
name, synced, and linked into place; a link never replaces, so whoever comes second with the same
content finds it there. No lock is held over content, any number of processes may put at once, and
a kill at any moment leaves at most a temporary file in ``incoming/``.

    sha256/ab/abcd...   the bytes, mode 0444
    ledger.jsonl        one EvidenceItem for each put, appended: what, from where, how, when

The ledger is for people who browse the folder. The record is the journal, which carries the same
items; so the ledger survives a killed process, but is not synced against a loss of power.
"""

import asyncio
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.base import Digest
from schemas.canonical import canonical_json, digest_bytes
from schemas.errors import BadInput, EvidenceCorrupt, SystemUnreachable
from schemas.evidence import EvidenceItem

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


class EvidenceMissing(EvidenceCorrupt):
    """There is nothing under this digest."""


class Vault:
    """A vault in one folder, made when first written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(
        self, content: bytes, *, media_type: str, name: str, source: str, method: str
    ) -> EvidenceItem:
        """Store *content* durably and return its item. Putting the same bytes again is harmless.

        Raises ``EvidenceCorrupt`` when other bytes already lie under the digest of *content*, and
        ``SystemUnreachable`` when the folder cannot be written to.
        """
        item = EvidenceItem(
            digest=digest_bytes(content),
            size=len(content),
            media_type=media_type,
            name=name,
            source=source,
            method=method,
            collected_at=datetime.now(UTC),
        )
        try:
            await asyncio.to_thread(self._put, item, content)
        except OSError as error:
            raise SystemUnreachable(
                f"cannot write evidence ({error.strerror})",
                where="vault",
                next_step="Check the vault folder's permissions and free space.",
            ) from error
        return item

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of *digest*, compared with it.

        Raises ``EvidenceMissing``, ``EvidenceCorrupt``, or ``SystemUnreachable`` when the folder
        cannot be read.
        """
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise EvidenceMissing(f"{digest} is not there", where="vault") from None
        except OSError as error:
            raise SystemUnreachable(
                f"cannot read {digest} ({error.strerror})", where="vault"
            ) from error
        if digest_bytes(content) != digest:
            raise EvidenceCorrupt(
                f"the bytes under {digest} have another digest",
                where="vault",
                next_step="Keep the folder as it is and tell whoever guards the evidence.",
            )
        return content

    def has(self, digest: Digest) -> bool:
        """Whether something lies under *digest*; ``read`` tells whether it is still that."""
        return self._path(digest).is_file()

    def ledger(self) -> Iterator[EvidenceItem]:
        """Yield what was put, in the order of putting; a line that was cut off is left out."""
        with suppress(FileNotFoundError), (self.folder / "ledger.jsonl").open("rb") as lines:
            for line in lines:
                with suppress(ValidationError):
                    yield EvidenceItem.model_validate_json(line)

    def check(self) -> list[str]:
        """Say what keeps the vault from taking evidence; empty: nothing."""
        try:
            self._incoming()
        except OSError as error:
            return [f"The vault folder {self.folder} cannot be made ({error.strerror})."]
        if not os.access(self.folder, os.W_OK | os.X_OK):
            return [f"The vault folder {self.folder} cannot be written to."]
        return []

    def _put(self, item: EvidenceItem, content: bytes) -> None:
        final = self._path(item.digest)
        if final.exists():
            self.read(item.digest)  # the same bytes, or EvidenceCorrupt; never replaced
        else:
            self._write_once(final, content)
        self._enter(item)

    def _write_once(self, final: Path, content: bytes) -> None:
        temporary = self._incoming() / f"{final.name}.{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
            if not final.parent.exists():
                final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _sync(final.parent.parent)
            with suppress(FileExistsError):  # someone else was faster with the same content
                final.hardlink_to(temporary)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(final.parent)

    def _enter(self, item: EvidenceItem) -> None:
        line = canonical_json(item) + b"\n"
        path = self.folder / "ledger.jsonl"
        ledger = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(ledger, fcntl.LOCK_EX)  # bound to this open file: closing lets go
            size = os.fstat(ledger).st_size
            if size and os.pread(ledger, 1, size - 1) != b"\n":
                line = b"\n" + line  # the last writer was cut off: do not join its line
            os.write(ledger, line)
        finally:
            os.close(ledger)

    def _incoming(self) -> Path:
        incoming = self.folder / "incoming"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        incoming.mkdir(mode=0o700, exist_ok=True)
        return incoming

    def _path(self, digest: Digest) -> Path:
        matched = _DIGEST.fullmatch(digest)
        if matched is None:
            raise BadInput("not a SHA-256 digest", where="vault")
        return self.folder / "sha256" / matched[1][:2] / matched[1]


def _sync(folder: Path) -> None:
    """Make the names in *folder* durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
