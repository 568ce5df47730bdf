"""A write-once store in S3 with Object Lock in compliance mode: not even its owner deletes early.

Law: a name has one true content, the *first* version ever written. A writer with stolen
credentials can add a version or a delete marker over it, so reading asks for all versions and
takes the oldest; whoever comes second is refused by ``If-None-Match`` where the server knows it,
and by the order of versions where it does not.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hemostat.audit_settings import S3Table
from hemostat.settings_values import read_secret
from schemas.errors import SystemRefused, SystemUnreachable

_TAKEN: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3Store:
    """One bucket, under one prefix."""

    def __init__(self, table: S3Table) -> None:
        self._table = table
        self._prefix = f"{table.prefix.strip('/')}/" if table.prefix.strip("/") else ""
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=table.endpoint,
            region_name=table.region,
            config=Config(
                retries={"mode": "standard", "max_attempts": 4},
                connect_timeout=5,
                read_timeout=30,
                s3={"addressing_style": "path"} if table.endpoint else {},
            ),
            aws_access_key_id=read_secret(table.access_key) if table.access_key else None,
            aws_secret_access_key=read_secret(table.secret_key) if table.secret_key else None,
        )

    def put(self, name: str, content: bytes) -> bool:
        """Keep *content*, locked until the retention ends; False if the name is taken."""
        try:
            self._s3.put_object(
                Bucket=self._table.bucket,
                Key=self._prefix + name,
                Body=content,
                IfNoneMatch="*",
                ContentMD5=b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.now(UTC) + self._table.retain,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                return False
            raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        return self.get(name) == content  # two at once, where If-None-Match is not atomic

    def get(self, name: str) -> bytes | None:
        """Return the first version ever written, whatever lies over it now."""
        first: dict[str, Any] | None = None
        for version in self._versions(self._prefix + name):
            if version["Key"] == self._prefix + name:
                older = first is None or version["LastModified"] <= first["LastModified"]
                first = version if older else first
        if first is None:
            return None
        try:
            answer = self._s3.get_object(
                Bucket=self._table.bucket, Key=self._prefix + name, VersionId=first["VersionId"]
            )
            content: bytes = answer["Body"].read()
        except ClientError as error:
            raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error
        return content

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in *folder*, those under delete markers included."""
        found = {
            v["Key"].removeprefix(self._prefix) for v in self._versions(f"{self._prefix}{folder}/")
        }
        return sorted(name for name in found if "/" not in name.removeprefix(f"{folder}/"))

    def check(self) -> list[str]:
        """Whether the bucket answers and locks its objects."""
        bucket = self._table.bucket
        try:
            answer = self._s3.get_object_lock_configuration(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return [f"The bucket {bucket} does not offer Object Lock ({code})."]
        except BotoCoreError as error:
            return [f"The bucket {bucket} does not answer ({type(error).__name__})."]
        if answer["ObjectLockConfiguration"].get("ObjectLockEnabled") != "Enabled":
            return [f"The bucket {bucket} does not lock its objects."]
        return []

    def _versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        try:
            for page in self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self._table.bucket, Prefix=prefix
            ):
                yield from page.get("Versions", [])
        except ClientError as error:
            raise self._refused(error) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error

    def _refused(self, error: ClientError) -> SystemRefused:
        return SystemRefused(
            f"the bucket refused ({error.response['Error']['Code']})",
            where=f"audit bucket {self._table.bucket}",
            next_step="`hemostat check`; it needs Object Lock, and leave to write and list versions.",
        )

    def _unreachable(self, error: BotoCoreError) -> SystemUnreachable:
        return SystemUnreachable(
            f"the bucket does not answer ({type(error).__name__})",
            where=f"audit bucket {self._table.bucket}",
        )
