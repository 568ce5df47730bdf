"""The base of every message: immutable, and closed to unknown fields."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A SHA-256 digest as ``sha256:<64 hex>``."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""A name that is safe in a workflow id, a URL path and a file name."""

Utc = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""An instant; whatever offset it came with, it is kept in UTC."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share of a whole, 0 to 1."""

Percent = Annotated[int, Field(ge=1, le=100)]
"""How much is let in at a stage."""


class Frozen(BaseModel):
    """A message: frozen, unknown fields refused.

    New fields must be optional, so that recorded histories still decode.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


def iso(moment: datetime) -> str:
    """Return *moment* in UTC, ISO 8601 with microseconds and ``Z``: the one form in the record."""
    # Not strftime: it imports a module at each call, which costs 30 microseconds in the sandbox.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
