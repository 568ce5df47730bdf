"""Evidence in a bucket of S3 with Object Lock: nobody deletes or replaces it before its time.

    sha256/ab/abcd...   the bytes, locked in compliance mode
    ledger/...          one EvidenceItem for each put, named by its moment, locked as well

Law: what is sealed again is locked for as long as if it were new. The bucket is reached, and boto3
imported, when evidence is first wanted: who only looks at incidents needs neither.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from hemostat.settings.bucket import S3Table
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from hemostat.vault.locked_bucket import LockedBucket


class BucketKeep:
    """One bucket, under one prefix."""

    locks: ClassVar[bool] = True

    def __init__(self, table: S3Table) -> None:
        self._table = table

    def __str__(self) -> str:
        return f"bucket {self._table.bucket}"

    @cached_property
    def _bucket(self) -> "LockedBucket":
        from hemostat.vault.locked_bucket import LockedBucket  # noqa: PLC0415 - boto3 only where used

        try:
            return LockedBucket(self._table, use="vault")
        except ValueError as error:  # boto3's, such as for an endpoint that is no address
            raise ConfigurationError(
                str(error)[:200], where="[vault.s3]", next_step="correct it."
            ) from error

    def prepare(self) -> None:
        """Read the credentials; ``ConfigurationError`` if they cannot be."""
        self._bucket  # noqa: B018 - made by being looked at

    def write(self, name: str, content: bytes) -> bool:
        """Keep *content*, locked; False if something is there already, which is locked anew."""
        written = self._bucket.write(_key(name), content)
        if not written:
            self._bucket.retain(_key(name))
        return written

    def read(self, name: str) -> bytes | None:
        """Return what was first written under *name*, or None."""
        return self._bucket.get(_key(name))

    def has(self, name: str) -> bool:
        """Whether something was ever written under *name*."""
        return self._bucket.has(_key(name))

    def enter(self, line: bytes) -> None:
        """Keep *line* under the moment; a name that is taken is our own, after a lost answer."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._bucket.write(f"ledger/{moment}-{secrets.token_hex(8)}.json", line)

    def lines(self) -> Iterator[bytes]:
        """Yield the ledger's lines, in the order of the clocks of those who put."""
        return self._bucket.contents("ledger")

    def check(self) -> list[str]:
        """Say what keeps the bucket from being a vault; empty: nothing."""
        return [f"The vault: {told[:1].lower()}{told[1:]}" for told in self._bucket.check()]


def _key(name: str) -> str:
    return f"sha256/{name[:2]}/{name}"
