"""Evidence is checked in, and kept in, the vault folder that this worker was given."""

import asyncio
from typing import Literal

from hemostat.vault import EvidenceMissing, Vault
from schemas.base import Digest, Frozen
from schemas.errors import EvidenceCorrupt
from schemas.ports.port import fulfils
from schemas.ports.vault import (
    ArchiveJournal,
    EvidenceVerified,
    JournalArchived,
    VerifyEvidence,
    archive_journal,
    verify_evidence,
)


class Connection(Frozen):
    """``[connections.NAME]``: nothing to set, the folder is the worker's own."""

    adapter: Literal["vault_folder"]


class VaultFolder:
    """The vault as a system of its own: what was sealed is read back by its digest."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def check(self) -> list[str]:
        """Say whether the folder can take evidence."""
        return await asyncio.to_thread(self._vault.check)

    @fulfils(verify_evidence)
    async def verify_evidence(self, request: VerifyEvidence) -> EvidenceVerified:
        """Read each item back and compare; one bad item does not hide the next."""
        missing: list[Digest] = []
        corrupt: list[Digest] = []
        for digest in dict.fromkeys(request.digests):
            try:
                await asyncio.to_thread(self._vault.read, digest)
            except EvidenceMissing:
                missing.append(digest)
            except EvidenceCorrupt:
                corrupt.append(digest)
        return EvidenceVerified(
            checked=len(set(request.digests)), missing=tuple(missing), corrupt=tuple(corrupt)
        )

    @fulfils(archive_journal)
    async def archive_journal(self, request: ArchiveJournal) -> JournalArchived:
        """Put the segment; by its content it is the same item however often it is put."""
        item = await self._vault.put(
            request.segment.encode(),
            media_type="application/json",
            name=f"journal of {request.incident}",
            source="hemostat",
            method="journal segment, canonical JSON",
        )
        return JournalArchived(digest=item.digest)
