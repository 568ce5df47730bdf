"""Who says what in the drill of assistant exfiltration: at gates, and what counsel determines."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hemostat.drill.counsel import Word
from hemostat.drill.people import Answer, Script
from hemostat.drill.range.exfiltration.range import INSIDER
from schemas.base import iso
from schemas.clocks.determination import Matter
from schemas.clocks.view import ClockRow
from schemas.gate import Choice

_HESITATES = timedelta(seconds=4)


def script(attack_is_over: Callable[[], bool]) -> Script:
    """Who answers what.

    Nobody who may answers whether to take the assistant offline: silence proceeds there. Counsel
    refuses that the old key is deleted. The insider, one of the service's owners, speaks up too.
    """
    return {
        "take-command": (Answer("commander", "mine"),),
        "counsel-informed": (Answer("counsel", "privileged from here on"),),
        "hr-informed": (Answer("hr", "with counsel"),),
        "classify-human-with-assistant": (
            Answer("commander", "the prompts are that person's own", ready=attack_is_over),
            Answer("security-on-call", "nobody else held the key", ready=attack_is_over),
        ),
        "take-offline": (
            Answer("service-owner", "all is well, leave it on", Choice.REJECT, actor=INSIDER),
        ),
        "rotate-credential": (
            # The gate before may end by its silence before anyone looked; this one waits for people.
            Answer("service-owner", "our keys are fine", Choice.REJECT, actor=INSIDER),
            Answer("security-on-call", "the old key was in reach of the insider"),
            Answer("service-owner", "the assistant is offline anyway"),
        ),
        "delete-key": (Answer("counsel", "it stays as evidence", Choice.REJECT),),
        "file-gdpr-33": (
            Answer("counsel", "initial and incomplete, in time"),
            Answer("dpo", "the content is right"),
        ),
        "complete-gdpr-33": (
            Answer("counsel", "complete by now"),
            Answer("dpo", "the content is right"),
        ),
        "state-researcher": (
            Answer("counsel", "says nothing we do not know"),
            Answer("comms", "the tone is right"),
            Answer("executive", "send it"),
        ),
        "apply-controls": (
            Answer("service-owner", "callers see what they may see"),
            Answer("security-on-call", "evidence is sealed"),
        ),
        "bring-back-closed": (
            Answer("commander", "the insider has stopped", ready=attack_is_over),
            Answer("security-on-call", "behind its closed route", ready=attack_is_over),
        ),
        "let-callers-in": (
            Answer("security-on-call", "their keys are clean"),
            Answer("service-owner", "callers wait"),
        ),
        "re-enable-assistant": (
            Answer("ciso", "the extraction fails in a replay"),
            Answer("counsel", "nothing speaks against it"),
            Answer("service-owner", "callers wait"),
        ),
        "board-report": (
            Answer("commander", "that is what we know"),
            Answer("general-counsel", "and that is what we may say"),
        ),
        "close-incident": (
            Answer("commander", "contained, told, reopened"),
            Answer("counsel", "holds stay"),
        ),
    }


def words(outbox: Path) -> tuple[Word, ...]:
    """What counsel determines: one regime asks for no notification, one is filed with a receipt."""

    def filed(_: ClockRow) -> bool:
        return any("Initial notification" in mail.read_text() for mail in outbox.glob("*.eml"))

    told: list[datetime] = []

    def a_while_later(_: ClockRow) -> bool:
        """Some seconds after the researcher was told: by then the hold has kept the controls off."""
        if not told and any("About case" in mail.read_text() for mail in outbox.glob("*.eml")):
            told.append(datetime.now(UTC))
        return bool(told) and datetime.now(UTC) - told[0] > _HESITATES

    return (
        Word("gdpr-33", Matter.APPLICABILITY, "applies", "personal data cannot be excluded"),
        Word("gdpr-33-2", Matter.APPLICABILITY, "not-applicable", "we are no one's processor"),
        Word(
            "nis2-23-4a", Matter.APPLICABILITY, "not-applicable", "the service is out of its scope"
        ),
        Word(
            "gdpr-33",
            Matter.AWARENESS,
            lambda row: iso(row.candidates[0].at),
            "a canary is reasonable certainty",
            ready=lambda row: bool(row.candidates and row.rulings),
        ),
        Word(
            "gdpr-33",
            Matter.FILED,
            lambda _: iso(datetime.now(UTC)),
            "the authority acknowledged it",
            reference="EXERCISE-DPA-4711",
            ready=filed,
        ),
        Word(
            "aia-73-6-hold",
            Matter.HOLD_RELEASED,
            "counsel-not-applicable",
            "no high-risk system",
            ready=a_while_later,
        ),
    )
