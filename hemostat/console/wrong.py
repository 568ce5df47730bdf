"""What is wrong with a form that was filled in, told beside the field that it is about. Pure.

Nothing here decides what counts: the incident does. It only finds, before anything is sent, what
would be refused anyway, so that its writer can mend it where they wrote it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from hemostat.desk.said import Answer
from schemas.clocks.determination import Ineffective, Matter, NoEffect, moment_in
from schemas.gate import Refusal

Given = Mapping[str, str]
"""The fields of a form as they were sent, those left empty left out."""
Wrong = Mapping[str, str]
"""What is wrong, by the name of the field that it stands beside."""
People = frozenset[str]
"""Whom hemostat.toml knows; nobody: it names no people."""

_MOMENT: Final = "a moment with its offset, such as 2026-12-18T16:00+01:00"
TAKES: Final[Mapping[Matter, str]] = {
    Matter.APPLICABILITY: "applies, or not-applicable",
    Matter.CANDIDATE: _MOMENT,
    Matter.AWARENESS: _MOMENT,
    Matter.ANCHOR: _MOMENT,
    Matter.FILED: f"{_MOMENT}; its receipt below",
    Matter.TOLLED: "tolled, or resumed",
    Matter.HOLD_RELEASED: "authority-informed, or counsel-not-applicable",
    Matter.PERIOD: "a number of days, hours or months, such as 30 d, 72 h or 1 mo",
}
"""What each determination takes as its value."""

_PERIOD: Final = re.compile(r"\d{1,3} ?(h|d|mo)")

_SAYS: Final = {
    "reason": "Say why: it becomes part of the record.",
    "text": "Write the whole text.",
    "value": "Say what it is.",
    "person": "An id is of small letters, digits and hyphens, such as those in hemostat.toml.",
    "evidence": "Each is sha256: and 64 characters of 0-9 and a-f, one a line.",
    "clock": "Choose the clock.",
    "step": "Choose the step.",
}
_CHOOSE: Final = "Choose one of those that are offered."

_BESIDE: Final[Mapping[str, str]] = {
    NoEffect.NO_SUCH_CLOCK: "clock",
    NoEffect.NOT_IN_FORCE: "clock",
    NoEffect.NOT_OF_THIS_CLOCK: "what",
    NoEffect.NO_SUCH_VALUE: "value",
    NoEffect.NO_MOMENT: "value",
    NoEffect.SAME_AS_BEFORE: "value",
    NoEffect.NO_RECEIPT: "reference",
    Refusal.REJECTED_TEXT: "text",
    Refusal.NOT_UNDER_WAY: "step",
    Refusal.NOT_THE_ROLE: "role",
}
"""The field that a refusal by the incident is about."""


class NothingSaid(ValueError):
    """A form whose fields may each be left, and all were."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field = field


def nothing_wrong(given: Given, people: People) -> Wrong:
    """Find nothing: what the words themselves do not tell, the incident judges."""
    return {}


def nobody_known(given: Given, people: People) -> Wrong:
    """Return that the person is nobody: excluded by an id with a slip in it, they would stay."""
    person = given.get("person", "")
    if not person or not people or person in people:
        return {}
    return {
        "person": "hemostat.toml has nobody of this id, so nobody would be excluded: "
        "look at how it is written. (`hemostat suspect` takes any id.)"
    }


def not_a_value(given: Given, people: People) -> Wrong:
    """Return what is wrong with the value of a determination, as far as that can be told here."""
    what, value = given.get("what"), given.get("value", "")
    if not value or what not in set(Matter):
        return {}
    matter = Matter(what)
    takes = TAKES[matter]
    if takes.startswith(_MOMENT):
        said = _no_moment(value, datetime.now(UTC))
        wrong = {"value": said} if said else {}
        if matter is Matter.FILED and not given.get("reference"):
            wrong["reference"] = "A filing needs its receipt."
        return wrong
    if matter is Matter.PERIOD:
        return {} if _PERIOD.fullmatch(value) else {"value": f"Write {takes}."}
    return {} if value in takes.split(", or ") else {"value": f"Write {takes}."}


def _no_moment(text: str, now: datetime) -> str | None:
    """Why *text* is no moment that can be determined; None if it is one."""
    try:
        moment_in(text, now)
    except Ineffective:
        pass
    else:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return f"Write {_MOMENT}."
    if moment.tzinfo is None:
        return f"Of which place is this? Add the offset: {text[:30]}+01:00, or Z for UTC."
    if moment > now:
        return f"This has not come yet: it is {now:%Y-%m-%dT%H:%MZ}."
    return f"Write {_MOMENT}."


def beside(error: ValueError) -> Wrong:
    """Return what *error* says, by field."""
    if isinstance(error, NothingSaid):
        said = str(error)
        return {error.field: f"{said[:1].upper()}{said[1:]}."}
    if not isinstance(error, ValidationError):
        return {"": f"{error}."}
    wrong: dict[str, str] = {}
    for one in error.errors():
        name = _field_of(one["loc"])
        wrong.setdefault(name, _in_words(name, one["type"], one.get("ctx") or {}))
    return wrong


def _field_of(loc: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in loc]
    if len(parts) > 1 and parts[0] == "facts":
        return parts[1]
    if len(parts) > 1 and parts[0] == "impact":
        return f"impact_{parts[1]}"
    return {"nonce": "asked"}.get(parts[0], parts[0]) if parts else ""


def _in_words(name: str, kind: str, bounds: Mapping[str, Any]) -> str:
    if kind == "string_too_long":
        return f"At most {bounds['max_length']:,} characters."
    if kind == "too_long":
        return f"At most {bounds['max_length']} of them."
    return _SAYS.get(name, _CHOOSE)


def refused(answer: Answer) -> Wrong:
    """Return the field that the incident's refusal is about, with what it says; {} if none is."""
    field = _BESIDE.get(answer.refusal or "")
    return {field: answer.says} if field else {}
