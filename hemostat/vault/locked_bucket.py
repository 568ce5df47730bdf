"""A bucket of S3 with Object Lock in compliance mode: not even its owner deletes early.

Law: a name has one true content, the *first* version ever written. A writer with stolen
credentials can add a version or a delete marker over it, so reading asks for all versions and
takes the oldest; whoever comes second is refused by ``If-None-Match`` where the server knows it,
and by the order of versions where it does not.

Importing this file imports boto3: whoever may do without imports it where a bucket is used.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hemostat.settings.bucket import S3Table
from hemostat.settings.values import read_secret
from schemas.errors import SystemRefused, SystemUnreachable

_NO_BUCKET: Final = frozenset({"NoSuchBucket", "404"})
_TAKEN: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_UNLOCKED: Final = frozenset(
    {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"}
)
_AT_ONCE: Final = 8
_SERVERS_OWN: Final = 500
_WORTH_RENEWING: Final = timedelta(hours=1)
"""A lock that ends sooner than it should by less than this is left as it is."""


class LockedBucket:
    """One bucket, under one prefix; *use* says in errors what it is for. Calls block."""

    def __init__(self, table: S3Table, *, use: str) -> None:
        self._table = table
        self._where = f"{use} bucket {table.bucket}"
        self._prefix = f"{table.prefix.strip('/')}/" if table.prefix.strip("/") else ""
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=table.endpoint,
            region_name=table.region,
            config=Config(
                retries={"mode": "standard", "max_attempts": 4},
                connect_timeout=5,
                read_timeout=30,
                proxies={},
                s3={"addressing_style": "path"} if table.endpoint else {},
            ),
            aws_access_key_id=read_secret(table.access_key) if table.access_key else None,
            aws_secret_access_key=read_secret(table.secret_key) if table.secret_key else None,
        )

    def put(self, name: str, content: bytes) -> bool:
        """Keep *content* as the one of *name*; False if the name is taken."""
        # Of two at once, where If-None-Match is not atomic, the first version counts.
        return self.write(name, content) and self.get(name) == content

    def write(self, name: str, content: bytes) -> bool:
        """Write *content*, locked until the retention ends; False if the name is taken.

        For content that its name tells, such as its digest: true does not say that it was first.
        """
        with self._told():
            try:
                self._s3.put_object(
                    Bucket=self._table.bucket,
                    Key=self._prefix + name,
                    Body=content,
                    IfNoneMatch="*",
                    ContentMD5=_md5(content),
                    ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=datetime.now(UTC) + self._table.retain,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in _TAKEN:
                    return False
                raise
        return True

    def get(self, name: str) -> bytes | None:
        """Return the first version ever written, whatever lies over it now."""
        first = self._firsts(name).get(name)
        return None if first is None else self._content(name, first)

    def has(self, name: str) -> bool:
        """Whether anything was ever written under *name*."""
        return name in self._firsts(name)

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in *folder*, those under delete markers included."""
        found = self._firsts(f"{folder}/")
        return sorted(name for name in found if "/" not in name.removeprefix(f"{folder}/"))

    def contents(self, folder: str) -> Iterator[bytes]:
        """Yield what is in *folder*, in the order of the names; several are fetched at once."""
        firsts = self._firsts(f"{folder}/")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(lambda name: self._content(name, firsts[name]), sorted(firsts))

    def retain(self, name: str) -> None:
        """Lock what is there for as long from now as if it were new; never for shorter."""
        first = self._firsts(name)[name]
        here = {"Bucket": self._table.bucket, "Key": self._prefix + name, "VersionId": first}
        wanted = datetime.now(UTC) + self._table.retain
        with self._told():
            held = self._held_until(here)
            if held is None or wanted - held > _WORTH_RENEWING:
                self._s3.put_object_retention(
                    **here, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": wanted}
                )

    def check(self) -> list[str]:
        """Whether the bucket answers and locks its objects."""
        bucket = self._table.bucket
        try:
            answer = self._s3.get_object_lock_configuration(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _NO_BUCKET:
                return [f"There is no bucket {bucket}: make one with Object Lock."]
            return [f"The bucket {bucket} does not offer Object Lock ({code})."]
        except BotoCoreError as error:
            return [f"The bucket {bucket} does not answer ({type(error).__name__})."]
        if answer["ObjectLockConfiguration"].get("ObjectLockEnabled") != "Enabled":
            return [f"The bucket {bucket} does not lock its objects."]
        return []

    def _firsts(self, prefix: str) -> dict[str, str]:
        """The first version of each name that begins with *prefix*."""
        oldest: dict[str, dict[str, Any]] = {}
        with self._told():
            for page in self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self._table.bucket, Prefix=self._prefix + prefix
            ):
                for version in page.get("Versions", []):  # newest first; of one second, too
                    before = oldest.setdefault(version["Key"], version)
                    if version["LastModified"] <= before["LastModified"]:
                        oldest[version["Key"]] = version
        return {k.removeprefix(self._prefix): str(v["VersionId"]) for k, v in oldest.items()}

    def _held_until(self, here: dict[str, str]) -> datetime | None:
        try:
            until: datetime = self._s3.get_object_retention(**here)["Retention"]["RetainUntilDate"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _UNLOCKED:
                return None
            raise
        return until

    def _content(self, name: str, version: str) -> bytes:
        with self._told():
            answer = self._s3.get_object(
                Bucket=self._table.bucket, Key=self._prefix + name, VersionId=version
            )
            content: bytes = answer["Body"].read()
        return content

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors in our own words."""
        try:
            yield
        except ClientError as error:
            raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error

    def _refused(self, error: ClientError) -> SystemRefused | SystemUnreachable:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVERS_OWN:
            code = error.response["Error"]["Code"]
            return SystemUnreachable(f"the bucket cannot just now ({code})", where=self._where)
        return SystemRefused(
            f"the bucket refused ({error.response['Error']['Code']})",
            where=self._where,
            next_step="`hemostat check`; it needs Object Lock, and leave to write and list versions.",
        )

    def _unreachable(self, error: BotoCoreError) -> SystemUnreachable:
        return SystemUnreachable(
            f"the bucket does not answer ({type(error).__name__})",
            where=self._where,
        )


def _md5(content: bytes) -> str:
    """What S3 wants beside a lock; a checksum of the transport, no protection."""
    return b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
