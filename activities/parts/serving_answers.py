"""What a model service answers to an operator: the serving admin contract, as models.

Every text in here is from outside: lengths are bounded, nothing is interpreted.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from activities.parts.feedback_survey import Feedback
from schemas.errors import SystemUnreachable

Short = Annotated[str, StringConstraints(max_length=200)]


class LoadedModel(BaseModel):
    """``GET /admin/model`` and ``POST /admin/reload``."""

    replica: Short
    version: Short
    digest: Short


class RetrainingState(BaseModel):
    """``/admin/retraining``."""

    paused: bool


class Offset(BaseModel):
    """``GET /admin/feedback/offset``."""

    count: int = Field(ge=0)
    last_id: int = Field(ge=0)


class Contains(BaseModel):
    """``GET /admin/feedback/contains``."""

    found: bool


class FeedbackPage(BaseModel):
    """``GET /admin/feedback``; ``next_after_id`` None: that was the last page."""

    rows: list[Feedback]
    next_after_id: int | None = None


class Rows(BaseModel):
    """Any rows, as they came."""

    rows: list[dict[str, Any]]
    next_after_id: int | None = None


class Inference(BaseModel):
    """A text that the service was asked about."""

    text: str


class Inferences(BaseModel):
    """``GET /admin/inferences``, newest first."""

    rows: list[Inference]


class Predicted(BaseModel):
    """``POST /v1/predict`` and ``POST /admin/evaluate``."""

    labels: list[Short]
    version: Short

    def labels_of(self, texts: Sequence[str], where: str) -> list[str]:
        """Return the labels; ``SystemUnreachable`` unless there is one for each text."""
        if len(self.labels) != len(texts):
            raise SystemUnreachable("did not label every text once", where=where)
        return self.labels


class Evaluated(Predicted):
    """``POST /admin/evaluate``."""

    digest: Short


class Decisions(BaseModel):
    """``/admin/decisions``."""

    affected: int = Field(ge=0)
    rescored: int = Field(ge=0)


class RetrainedAnswer(BaseModel):
    """``POST /admin/retrain``."""

    version: Short
    digest: Short
    dataset_digest: Short
    rows: int = Field(ge=0)
    dropped: int = Field(ge=0)
