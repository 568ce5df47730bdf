"""What a pack says it holds: its format, its incident, and every member by size and digest."""

from typing import Literal

from schemas.audit.signing import Moment
from schemas.audit.strict import Count, Ordered
from schemas.base import Digest, Frozen
from schemas.evidence import EvidenceItem

FORMAT = "hemostat-pack/1"


class Member(Ordered):
    """One member of the pack."""

    digest: Digest
    name: str
    size: Count


class Run(Ordered):
    """One run of the incident and the members that hold its history."""

    events: Count
    folder: str
    """Such as ``histories/01``: with ``.events``, ``.digests`` and, once closed, ``.json``."""
    run: str


class Manifest(Ordered):
    """``manifest.json``; every member but itself, in the order of the pack."""

    closed: bool
    """False: exported while it was open; the pack proves the record up to its last checkpoint."""
    drill: bool
    first_run: str
    format: Literal["hemostat-pack/1"] = "hemostat-pack/1"
    incident: str
    members: tuple[Member, ...]
    opened_at: Moment
    playbook: str
    runs: tuple[Run, ...]


class Kept(Frozen):
    """One item of evidence in ``evidence.json``: as it was sealed, and where its bytes are.

    ``held``: ``included`` in this pack, by ``reference`` (in the vault, by digest), or ``withheld``
    because whoever reads the pack may not see it.
    """

    item: EvidenceItem
    seq: int
    """The journal entry that sealed it."""
    held: Literal["included", "reference", "withheld"]


class Missing(Frozen):
    """Evidence that could not be had, as the journal declares it."""

    seq: int
    says: str
    reason: str


class EvidenceList(Frozen):
    """``evidence.json``."""

    items: tuple[Kept, ...]
    gaps: tuple[Missing, ...]
