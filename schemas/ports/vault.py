"""The evidence vault: write once, read back, compare."""

from schemas.base import Digest, Frozen
from schemas.ports.port import Effect, Request, port


class VerifyEvidence(Request):
    """Read these items back and compare each with its digest."""

    digests: tuple[Digest, ...]


class EvidenceVerified(Frozen):
    """What was found wrong; both empty is good."""

    checked: int
    missing: tuple[Digest, ...] = ()
    corrupt: tuple[Digest, ...] = ()


class ArchiveJournal(Effect):
    """Seal a segment of the journal; *segment* is its canonical JSON text."""

    segment: str


class JournalArchived(Frozen):
    """Where the segment is."""

    digest: Digest


@port("vault")
async def verify_evidence(request: VerifyEvidence) -> EvidenceVerified:
    """Read each item back from the vault and check its digest."""
    raise NotImplementedError


@port("vault")
async def archive_journal(request: ArchiveJournal) -> JournalArchived:
    """Put a journal segment into the vault."""
    raise NotImplementedError
