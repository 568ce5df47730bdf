"""``[services.NAME.standing_proof]``: how often what was contained is looked at again."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from hemostat.settings.values import Duration
from schemas.base import Frozen
from schemas.standing_proof import StandingProof


class StandingProofTable(Frozen):
    """``[services.NAME.standing_proof]``: how often what was contained is looked at again.

    First after ``first``, then ever more rarely down to every ``at_most``; nothing that could be
    seen for ``unseen_for`` is said and paged.
    """

    enabled: bool = True
    first: Annotated[Duration, Field(ge=timedelta(seconds=1))] = StandingProof().first
    at_most: Annotated[Duration, Field(le=timedelta(days=1))] = StandingProof().at_most
    unseen_for: Annotated[Duration, Field(gt=timedelta(0))] = StandingProof().unseen_for

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.first > self.at_most:
            raise ValueError("`first` is the shortest pause, `at_most` the longest: swap them")
        return self

    def rhythm(self) -> StandingProof | None:
        """Return it as an incident carries it; None: it is switched off."""
        rhythm = StandingProof(**self.model_dump(exclude={"enabled"}))
        return rhythm if self.enabled else None
