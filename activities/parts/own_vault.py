"""The vault of the worker as a system of its own: what was sealed is read back by its digest."""

import asyncio

from hemostat.vault import EvidenceMissing, Vault
from schemas.base import Digest
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


class OwnVault:
    """What the adapters of the vault have in common, wherever it is kept."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def aclose(self) -> None:
        """Nothing is held open."""

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
