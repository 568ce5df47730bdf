"""When the harm began, as the sealed record shows it; never a guess.

The journal has it where the playbook's own survey said it in one plain field. Which caller got a
document first is nested in the answer of a survey, and is read from the sealed history. Where the
payloads are encrypted the record does not show it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from schemas.audit.wire import Buffer, EventType, NotAnEvent, fields, id_and_type, read_event
from schemas.journal import Entry, Kind

_IN_THE_JOURNAL: Final = {
    "survey_feedback": "first_suspicious_at",  # the first poisoned feedback
    "identify_pattern": "first_at",  # the first patched upload
}
"""By the port that says it, the field of its answer that is the first harm."""

_EXTRACTION: Final = "survey_extraction"
_TYPE, _RESULT, _SCHEDULED, _NAME = 2, 1, 2, 1
"""Fields of an activity's events: its type, its result, what scheduled it; and of a type's name."""


def harm_in_journal(entries: Iterable[Entry]) -> list[datetime]:
    """Return the beginnings of harm that *entries* tell."""
    told = [
        entry.data.get(_IN_THE_JOURNAL[str(entry.data["port"])])
        for entry in entries
        if entry.kind is Kind.EFFECT and str(entry.data.get("port")) in _IN_THE_JOURNAL
    ]
    return [moment for moment in map(_moment, told) if moment]


def harm_in_history(events: Iterable[Buffer]) -> list[datetime]:
    """Return when callers first got documents, as surveys in *events*, run after run, say."""
    found: list[datetime] = []
    surveys = set[int]()
    for raw in events:
        try:
            number, kind = id_and_type(raw)
            if number == 1:
                surveys.clear()
            if kind == EventType.ACTIVITY_SCHEDULED and _asked_for(raw) == _EXTRACTION:
                surveys.add(number)
            elif kind == EventType.ACTIVITY_COMPLETED and surveys:
                event = read_event(raw)
                if dict(fields(event.attributes)).get(_SCHEDULED) in surveys:
                    found += _first_uses(next(iter(event.payloads(_RESULT)), None))
        except NotAnEvent:
            continue
    return found


def _asked_for(raw: Buffer) -> str:
    said = dict(fields(read_event(raw).attributes)).get(_TYPE, b"")
    name = b"" if isinstance(said, int) else dict(fields(said)).get(_NAME, b"")
    return "" if isinstance(name, int) else bytes(name).decode("utf-8", "replace")


def _first_uses(survey: Any) -> list[datetime]:
    callers = survey.get("callers") if isinstance(survey, dict) else None
    uses = [use.get("first_at") for use in callers or () if isinstance(use, dict)]
    return [moment for moment in map(_moment, uses) if moment]


def _moment(told: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return read if read and read.tzinfo else None
