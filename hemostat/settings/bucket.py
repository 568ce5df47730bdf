"""A bucket with Object Lock, as hemostat.toml names it: for sealed records, and for evidence."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from hemostat.settings.values import Duration, SecretRef
from schemas.base import Frozen


class S3Table(Frozen):
    """``[audit.s3]``, ``[vault.s3]``: a bucket that locks each object for ``retain``."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: SecretRef | None = None
    secret_key: SecretRef | None = None
    retain: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(days=3650)


class VaultTable(Frozen):
    """``[vault]``: where evidence is kept instead of a folder."""

    s3: S3Table | None = None
