"""``[audit]`` of hemostat.toml: how the record of incidents is sealed."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from hemostat.settings.bucket import S3Table
from hemostat.settings.values import Duration, SecretRef
from schemas.base import Frozen


class AuditTable(Frozen):
    """``[audit]``: how the record is sealed; see ``hemostat sealer``.

    Without ``s3``, sealed things are kept in the folder ``store``.
    """

    key: SecretRef | None = None
    trust: Path | None = None
    store: Path | None = None
    s3: S3Table | None = None
    every: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=5)
    timestamps: str | None = None
