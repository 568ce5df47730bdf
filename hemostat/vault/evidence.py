"""The evidence vault keeps bytes by their SHA-256: written once, never changed, checked when read.

Law: what is read is compared with its digest, and what is there is never papered over by a second
put. Where it is kept is a folder, or a bucket with Object Lock; both keep a ledger, one
``EvidenceItem`` for each put.

The ledger is for people who browse the vault. The record is the journal, which carries the same
items.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, Protocol, Self

from pydantic import ValidationError

from hemostat.settings import Settings
from hemostat.vault.bucket import BucketKeep
from hemostat.vault.folder import FolderKeep
from schemas.base import Digest
from schemas.canonical import canonical_json, digest_bytes
from schemas.errors import BadInput, EvidenceCorrupt, SystemUnreachable
from schemas.evidence import EvidenceItem

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


class EvidenceMissing(EvidenceCorrupt):
    """There is nothing under this digest."""


class Keep(Protocol):
    """Where a vault keeps its bytes; calls block. ``str()`` names it for people.

    ``locks``: what is kept is locked, against whoever holds the keys as well.
    """

    locks: ClassVar[bool]

    def prepare(self) -> None:
        """Read what it needs of the settings; ``ConfigurationError`` if that cannot be had."""

    def write(self, name: str, content: bytes) -> bool:
        """Keep *content* durably; False, and nothing changed, if something is there already."""

    def read(self, name: str) -> bytes | None:
        """Return what is kept under *name*, or None."""

    def has(self, name: str) -> bool:
        """Whether something lies under *name*."""

    def enter(self, line: bytes) -> None:
        """Put a line into the ledger."""

    def lines(self) -> Iterator[bytes]:
        """Yield the ledger's lines, in the order of putting."""

    def check(self) -> list[str]:
        """Say what keeps it from taking evidence, a sentence a problem; empty: nothing."""


class Vault:
    """A vault in one folder, or wherever else it is kept."""

    def __init__(self, keep: Path | Keep) -> None:
        self.keep: Keep = FolderKeep(keep) if isinstance(keep, Path) else keep

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the vault of *settings*; nothing is reached out to yet."""
        table = settings.vault.s3
        return cls(BucketKeep(table) if table is not None else settings.vault_folder)

    def __str__(self) -> str:
        return str(self.keep)

    @property
    def locks(self) -> bool:
        """Whether what is kept is locked, so that nobody deletes or replaces it."""
        return self.keep.locks

    def prepare(self) -> None:
        """Read what is needed before evidence comes; ``ConfigurationError`` if it is not there."""
        self.keep.prepare()

    async def put(
        self, content: bytes, *, media_type: str, name: str, source: str, method: str
    ) -> EvidenceItem:
        """Store *content* durably and return its item. Putting the same bytes again is harmless.

        Raises ``EvidenceCorrupt`` when other bytes already lie under the digest of *content*, and
        ``SystemUnreachable`` or ``SystemRefused`` when the vault cannot be written to.
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
        """Return the bytes of *digest*, compared with it. Blocks.

        Raises ``EvidenceMissing``, ``EvidenceCorrupt``, or ``SystemUnreachable`` when the vault
        cannot be read.
        """
        try:
            content = self.keep.read(_name(digest))
        except OSError as error:
            raise SystemUnreachable(
                f"cannot read {digest} ({error.strerror})", where="vault"
            ) from error
        if content is None:
            raise EvidenceMissing(f"{digest} is not there", where="vault")
        if digest_bytes(content) != digest:
            raise EvidenceCorrupt(
                f"the bytes under {digest} have another digest",
                where="vault",
                next_step="Keep the vault as it is and tell whoever guards the evidence.",
            )
        return content

    def has(self, digest: Digest) -> bool:
        """Whether something lies under *digest*; ``read`` tells whether it is still that."""
        return self.keep.has(_name(digest))

    def ledger(self) -> Iterator[EvidenceItem]:
        """Yield what was put, in the order of putting; a line that was cut off is left out."""
        for line in self.keep.lines():
            with suppress(ValidationError):
                yield EvidenceItem.model_validate_json(line)

    def check(self) -> list[str]:
        """Say what keeps the vault from taking evidence; empty: nothing. Blocks."""
        return self.keep.check()

    def _put(self, item: EvidenceItem, content: bytes) -> None:
        if not self.keep.write(_name(item.digest), content):
            self.read(item.digest)  # the same bytes, or EvidenceCorrupt; never replaced
        self.keep.enter(canonical_json(item))


def _name(digest: Digest) -> str:
    matched = _DIGEST.fullmatch(digest)
    if matched is None:
        raise BadInput("not a SHA-256 digest", where="vault")
    return matched[1]
