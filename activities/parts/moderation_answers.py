"""What a moderation service answers, as far as we read it; and the sets that we upload to it.

Law: what a service says is checked before it is believed. A set whose bytes have another digest
than the configured one is not used, so nobody moves the goalposts.
"""

import base64
import json
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field

from activities.parts.http import MEBIBYTE
from schemas.base import Digest
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError
from schemas.ports.moderation import Mode

Short = Annotated[str, Field(max_length=200)]
_LARGEST: Final = 16 * MEBIBYTE


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


def picture_set(file: str, digest: Digest) -> list[bytes]:
    """Read ``file:PATH``, a JSON object with base64 ``content`` a line.

    ``ConfigurationError``: unreadable, empty, or not of *digest*.
    """
    path = Path(file.removeprefix("file:"))
    try:
        if path.stat().st_size > _LARGEST:
            raise _unusable("is too large")
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(f"cannot be read ({type(error).__name__})") from error
    if digest_bytes(content) != digest:
        raise _unusable("does not have the digest that it is pinned to")
    try:
        found = [
            base64.b64decode(json.loads(line)["content"], validate=True)
            for line in content.splitlines()
            if line.strip()
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable("has a line that holds no picture") from error
    if not found:
        raise _unusable("is empty")
    return found


def _unusable(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"a picture set {what}",
        where="picture set",
        next_step="Restore the file, or pin the new digest on purpose.",
    )
