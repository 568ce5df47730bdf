"""Where sealed things are kept: written once, by name, never changed, never taken away.

Law: of any number of writers of one name exactly one succeeds, and whoever comes second is told.
That is all the sealer needs: its chains are numbered, the number is the name, so a chain cannot
fork, and what is there is all that a sealer that starts again needs to know.

    register/0000000000.json          the register, an entry each
    incidents/PLACE/000000.json       the checkpoints of one incident
    incidents/PLACE/000000.tsr        a timestamp from outside over the checkpoint's digest
    objects/ab/abcd...                events, journals and the like, by their SHA-256
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Protocol

from schemas.base import Digest
from schemas.canonical import digest_bytes
from schemas.errors import EvidenceCorrupt

REGISTER: Final = "register"
_PLAIN: Final = re.compile(r"[^a-z0-9-]+")


class Store(Protocol):
    """A write-once store; calls block."""

    def put(self, name: str, content: bytes) -> bool:
        """Keep *content* under *name*, durably; False if something is there already.

        Raises ``SystemUnreachable`` when it is not known to be kept.
        """

    def get(self, name: str) -> bytes | None:
        """Return what was first kept under *name*, or None."""

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in *folder*, sorted."""

    def check(self) -> list[str]:
        """Say what keeps the store from being one, a sentence a problem; empty: nothing."""


def place_of(incident: str, first_run: str) -> str:
    """Return the folder of one incident: plain whatever its id holds, and no other's."""
    told = _PLAIN.sub("-", incident.lower())[:60].strip("-")
    apart = hashlib.sha256(f"{incident}\n{first_run}".encode()).hexdigest()[:20]
    return f"incidents/{told or 'incident'}-{apart}"


def checkpoint_name(place: str, seq: int) -> str:
    """Return the name of a checkpoint."""
    return f"{place}/{seq:06}.json"


def timestamp_name(place: str, seq: int) -> str:
    """Return the name of the timestamp of a checkpoint."""
    return f"{place}/{seq:06}.tsr"


def register_name(seq: int) -> str:
    """Return the name of a register entry."""
    return f"{REGISTER}/{seq:010}.json"


def put_object(store: Store, content: bytes) -> Digest:
    """Keep *content* under its own digest and return that; harmless to repeat."""
    digest = digest_bytes(content)
    store.put(_object_name(digest), content)
    return digest


def get_object(store: Store, digest: Digest) -> bytes:
    """Return the content of *digest*; ``EvidenceCorrupt`` if it is not there or is not that."""
    content = store.get(_object_name(digest))
    if content is None or digest_bytes(content) != digest:
        what = "is not there" if content is None else "has other bytes"
        raise EvidenceCorrupt(
            f"{digest} {what}",
            where="the audit store",
            next_step="keep the store as it is and tell whoever guards it.",
        )
    return content


def _object_name(digest: Digest) -> str:
    plain = digest.removeprefix("sha256:")
    return f"objects/{plain[:2]}/{plain}"
