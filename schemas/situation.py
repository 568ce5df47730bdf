"""The situation report: what a channel tells people about an incident at one moment, and its words.

Law: our words and names, one text from outside (the alert's title), and nothing of what evidence
holds. Every text is to be shown as text: whoever puts it on a surface escapes all of it, whoever
wrote it. Where someone is excluded from the incident the report is discreet: a channel that others
read too says that there is an incident and where to read of it.
"""

import re
from typing import Final

from pydantic import Field

from schemas.base import Frozen, Name, Utc
from schemas.gate import Outcome
from schemas.severity import Severity
from schemas.step import StepClass, StepState

LINES: Final = 30
"""How many lines of what happened a report carries, the newest."""

_DOMAIN: Final = re.compile(r"(?<=\w)\.(?=[a-z]{2,})", re.IGNORECASE)


class Question(Frozen):
    """An open gate, or one that was."""

    gate: Name
    nonce: str
    asks: str
    roles: tuple[Name, ...]
    deadline: Utc | None = None
    held: bool = False
    over: Outcome | None = None


class StepLine(Frozen):
    """One step and where it stands."""

    title: str
    step_class: StepClass
    state: StepState


class Line(Frozen):
    """One thing that happened. Its text may change: a question is asked, and then answered."""

    id: Name
    at: Utc
    says: str


class SituationReport(Frozen):
    """Where an incident stands; of two reports the one of the higher ``revision`` holds."""

    incident: str
    revision: int = Field(ge=1)
    playbook: str
    service: Name
    drill: bool
    discreet: bool = False
    opened_at: Utc
    severity: Severity
    phase: str
    containment: str
    alert: str = ""
    """The title of the first alert: text from outside."""
    steps: tuple[StepLine, ...] = ()
    asked: tuple[Question, ...] = ()
    lines: tuple[Line, ...] = ()
    resolution: str | None = None

    def headline(self) -> str:
        """One line for a subject or a notification."""
        exercise = "EXERCISE: " if self.drill else ""
        if self.discreet:
            return f"{exercise}{self.severity.value}: an incident, details on its page"
        how = f"closed, {self.resolution}" if self.resolution else self.standing()
        return f"{exercise}{self.severity.value}: {self.playbook} ({self.service}): {how}"

    def standing(self) -> str:
        """How contained it is, in words."""
        return {
            "none": "not contained yet",
            "commanded": "containment commanded, not proven yet",
            "proven": "contained, proven",
            "unproven": "containment NOT proven",
            "lifted": "containment lifted",
        }.get(self.containment, self.containment)

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Label and value, in the order of reading."""
        if self.discreet:
            return (("Incident", self.incident), ("Severity", self.severity.value))
        found = [
            ("Incident", self.incident),
            ("Service", self.service),
            ("Severity", self.severity.value),
            ("Phase", self.phase),
            ("Containment", self.standing()),
        ]
        if self.alert:
            found.append(("Alert", self.alert))
        return tuple(found)

    def waits(self) -> tuple[str, ...]:
        """What is asked of whom, a line each."""
        return () if self.discreet else tuple(asked_of(question) for question in self.asked)


def asked_of(question: Question) -> str:
    """Return who is asked what, and until when."""
    until = f", until {question.deadline:%Y-%m-%d %H:%M} UTC" if question.deadline else ""
    held = ", held: nobody answered in time" if question.held else until
    return f"{question.asks} ({', '.join(question.roles)}{held})"


def plain(text: str, longest: int = 300) -> str:
    """Return *text* on one line, of printable characters only, cut with an ellipsis.

    Control characters, line ends, direction overrides and half characters become spaces.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def defanged(text: str, longest: int = 300) -> str:
    """Return *text* as ``plain`` does, with nothing in it that a client would make a link of."""
    whole = plain(text, 4 * longest).replace("://", "[:]//").replace("@", "[at]")
    return plain(_DOMAIN.sub("[.]", whole), longest)
