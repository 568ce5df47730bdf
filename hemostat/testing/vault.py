"""A vault that remembers: what was sealed reads back, unless it was told to be lost."""

from schemas.base import Digest
from schemas.canonical import digest_of
from schemas.ports.port import fulfils
from schemas.ports.vault import (
    ArchiveJournal,
    EvidenceVerified,
    JournalArchived,
    VerifyEvidence,
    archive_journal,
    verify_evidence,
)


class MemoryVault:
    """The vault of a rehearsal; ``lost`` are digests that do not read back."""

    def __init__(self) -> None:
        self.lost: set[Digest] = set()
        self.journals: dict[Digest, str] = {}

    @fulfils(verify_evidence)
    async def verify_evidence(self, request: VerifyEvidence) -> EvidenceVerified:
        """Find what is lost."""
        missing = tuple(digest for digest in request.digests if digest in self.lost)
        return EvidenceVerified(checked=len(request.digests), missing=missing)

    @fulfils(archive_journal)
    async def archive_journal(self, request: ArchiveJournal) -> JournalArchived:
        """Keep a part of the journal."""
        digest = digest_of(request.segment)
        self.journals[digest] = request.segment
        return JournalArchived(digest=digest)
