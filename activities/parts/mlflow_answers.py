"""What MLflow's registry answers, and the lineage in a version's tags. Pure.

A tag that is malformed counts as absent: anyone who may write to the registry wrote it.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from schemas.ports.registry import ModelVersion


class Tag(BaseModel):
    """One tag of a version."""

    key: str
    value: str = ""


class Version(BaseModel):
    """One version, as far as it is of interest here."""

    version: str
    tags: list[Tag] = []
    run_id: str = ""

    @property
    def artifact_digest(self) -> str | None:
        """The digest over the model's files, as recorded when it was registered."""
        return _text(self._lineage, "artifact_digest")

    def with_lineage(self) -> ModelVersion:
        """Return the version as the port says it."""
        lineage = self._lineage
        return ModelVersion(
            version=self.version,
            training_cutoff=_moment(lineage, "training_cutoff"),
            dataset_digest=_text(lineage, "dataset_digest"),
            artifact_digest=_text(lineage, "artifact_digest"),
            parent_version=_text(lineage, "parent_version"),
            validated_at=_moment(lineage, "validated_at"),
        )

    @property
    def _lineage(self) -> Mapping[str, str]:
        return {tag.key: tag.value for tag in self.tags}


class AliasAnswer(BaseModel):
    """``registered-models/alias``."""

    model_version: Version


class Alias(BaseModel):
    """One alias of a model."""

    alias: str
    version: str


class Model(BaseModel):
    """A registered model."""

    aliases: list[Alias] = []


class ModelAnswer(BaseModel):
    """``registered-models/get``."""

    registered_model: Model


class VersionsAnswer(BaseModel):
    """``model-versions/search``."""

    model_versions: list[Version] = []
    next_page_token: str = ""


class ErrorAnswer(BaseModel):
    """Any refusal; what MLflow says beyond the code is not kept."""

    error_code: str


def _text(lineage: Mapping[str, str], tag: str) -> str | None:
    value = lineage.get(tag, "")
    return value if re.fullmatch(r"[!-~]{1,200}", value) else None


def _moment(lineage: Mapping[str, str], tag: str) -> datetime | None:
    """Return the tag's instant; a time without its zone is none."""
    try:
        moment = datetime.fromisoformat(lineage.get(tag, ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
