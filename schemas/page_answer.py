"""What a pager or a chat says back: somebody took a page, or it was resolved over there.

Law: it carries no authority. At most it says that somebody is awake, which ends the calling of
others; it decides nothing and closes nothing. Where an incident has keys, only what the gateway
signed is heard: who could forge it could keep the others asleep.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Frozen, Name
from schemas.signed_statement import LONGEST

Opaque = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Somebody's id elsewhere; never a name."""


class Answered(StrEnum):
    """What happened elsewhere."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class PageAnswer(Frozen):
    """What the ``page-answer`` signal carries.

    ``page`` is the dedup key of a page of ours, or else ``gate`` a gate's id. ``by`` is the id over
    there, ``person`` who that is here, where that is known. ``statement`` is signed by the gateway,
    which verified the sender's own signature.
    """

    answer_id: str = Field(min_length=1, max_length=128)
    via: Literal["pagerduty", "slack"]
    what: Answered
    page: str = Field(default="", max_length=255)
    gate: str = Field(default="", max_length=63)
    by: Opaque | None = None
    person: Name | None = None
    statement: str | None = Field(default=None, max_length=LONGEST)

    @property
    def actor(self) -> str:
        """Who speaks: the channel, not the person that it names."""
        return self.via
