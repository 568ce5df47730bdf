"""Situation reports and questions of the tests."""

from datetime import UTC, datetime
from typing import Any

from schemas.severity import Severity
from schemas.situation import Line, Question, SituationReport, StepLine
from schemas.step import StepClass, StepState


def a_question(**changes: Any) -> Question:
    fields: dict[str, Any] = {
        "gate": "confirm-known-good",
        "nonce": "1e6c7b0c-6f6e-4d39-9f0a-6f4e5f6a7b8c",
        "asks": "Roll back to this version?",
        "roles": ("ml-on-call", "commander"),
    }
    return Question(**fields | changes)


def a_report(**changes: Any) -> SituationReport:
    fields: dict[str, Any] = {
        "incident": "feedback-poisoning-0123456789ab",
        "revision": 1,
        "playbook": "Feedback-loop poisoning of a model",
        "service": "sentiment-api",
        "drill": False,
        "opened_at": datetime.now(UTC),
        "severity": Severity.SEV2,
        "phase": "containment",
        "containment": "commanded",
        "alert": "SentimentNegativeShareHigh",
        "steps": (
            StepLine(
                title="Isolate the feedback endpoint",
                step_class=StepClass.CONTAIN,
                state=StepState.PROVEN,
            ),
        ),
        "asked": (a_question(),),
    }
    return SituationReport(**fields | changes)


def lines(*says: str) -> tuple[Line, ...]:
    """Lines with the same names, whatever they say."""
    now = datetime.now(UTC)
    return tuple(Line(id=f"line-{n}", at=now, says=text) for n, text in enumerate(says))
