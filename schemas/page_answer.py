"""What a pager or a chat says back: somebody took a page, or it was resolved over there.

Law: it carries no authority. At most it says that somebody is awake, which ends the calling of
others; it decides nothing and closes nothing.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Frozen, Name

Opaque = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Somebody's id elsewhere; never a name."""


class Answered(StrEnum):
    """What happened elsewhere."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class PageAnswer(Frozen):
    """What the ``page-answer`` signal carries.

    ``page`` is the dedup key of a page of ours, or else ``gate`` a gate's id. ``by`` is the id over
    there, ``person`` who that is here, where that is known.
    """

    answer_id: str = Field(min_length=1, max_length=128)
    via: Literal["pagerduty", "slack"]
    what: Answered
    page: str = Field(default="", max_length=255)
    gate: str = Field(default="", max_length=63)
    by: Opaque | None = None
    person: Name | None = None
