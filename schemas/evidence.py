"""Evidence by digest: the bytes live in the vault, only this enters a history."""

from schemas.base import Digest, Frozen, Utc


class EvidenceItem(Frozen):
    """One sealed item (chain of custody: what, from where, by which method, when; RFC 3227)."""

    digest: Digest
    size: int
    media_type: str
    name: str
    source: str
    method: str
    collected_at: Utc


class Gap(Frozen):
    """Evidence that should exist and could not be had; declared, never silent."""

    name: str
    reason: str


class Sealed(Frozen):
    """The outcome of sealing one system's state."""

    items: tuple[EvidenceItem, ...] = ()
    gaps: tuple[Gap, ...] = ()
