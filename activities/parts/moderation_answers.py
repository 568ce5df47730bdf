"""What a moderation service answers, as far as we read it.

Law: what a service says is checked before it is believed.
"""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from schemas.base import Digest
from schemas.ports.moderation import Mode

Short = Annotated[str, Field(max_length=200)]


class ModeAnswer(BaseModel):
    """``/admin/mode``."""

    mode: Mode
    champion: Short
    canary_version: Short | None = None
    canary_percent: int = Field(ge=0, le=100)
    blocklist: list[Short]


class SignalsAnswer(BaseModel):
    """``GET /admin/signals``."""

    audit_n: int = Field(ge=0)
    fn_rate: float = Field(ge=0, le=1)
    transform_n: int = Field(ge=0)
    transform_disagree: float = Field(ge=0, le=1)
    cluster_items: int = Field(ge=0)
    queue_depth: int = Field(ge=0)
    queue_capacity: int = Field(ge=0)


class ClusterAnswer(BaseModel):
    """A group of misses with one sticker."""

    id: Annotated[str, Field(pattern=r"^p-[0-9]{1,6}$")]
    items: int = Field(ge=0)
    phash: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    hamming_max: int = Field(ge=0, le=64)


class PatternAnswer(BaseModel):
    """``POST /admin/patterns``."""

    misses: int = Field(ge=0)
    cluster: ClusterAnswer | None = None
    explained: float = Field(default=0, ge=0, le=1)
    attack_success: float = Field(default=0, ge=0, le=1)
    uploads: int = Field(default=0, ge=0)
    first_at: AwareDatetime | None = None
    accounts: list[Short] = []
    digests: list[Digest] = []


class ApprovalsAnswer(BaseModel):
    """``/admin/approvals`` and ``/admin/rescan``."""

    approved: int = Field(ge=0)
    rescanned: int = Field(ge=0)
    removed: int = Field(ge=0)
    left_over: int = Field(ge=0)


class SetAnswer(BaseModel):
    """``GET /admin/sets/DIGEST``."""

    digest: Digest
    validated_at: AwareDatetime | None
    training: int = Field(ge=0)
    held_out: int = Field(ge=0)


class HardenedAnswer(BaseModel):
    """``POST /admin/retrain`` and ``POST /admin/evaluate``."""

    version: Short
    digest: Short
    set: Digest
    n: int = Field(ge=1)
    attack_success: float = Field(ge=0, le=1)
    adaptive_attack_success: float = Field(ge=0, le=1)
    clean_accuracy: float = Field(ge=0, le=1)
    clean_drop: float = Field(ge=-1, le=1)


class FlaggedRow(BaseModel):
    """One flagged item; what else is said of it is not read."""

    digest: Digest
    held: bool


class FlaggedAnswer(BaseModel):
    """``GET /admin/flagged``."""

    rows: list[FlaggedRow]


class HeldAnswer(BaseModel):
    """``POST /admin/preserve``."""

    held: int = Field(ge=0)


class DecisionAnswer(BaseModel):
    """``POST /v1/moderate``."""

    decision: Short
    version: Short
