"""A situation report as Slack's blocks. Pure.

Law: every text that is not ours to the letter goes into ``plain_text``, which Slack neither formats
nor links, on one line and with nothing left in it that looks like an address. The notification's
text holds our words and names alone. A message's first block carries its mark and its revision, so
that it is known again.

Contract: https://docs.slack.dev/reference/block-kit/blocks
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from schemas.situation import Line, Question, SituationReport, asked_of, defanged

Blocks = list[dict[str, Any]]

ACKNOWLEDGE: Final = "hemostat_acknowledge"
OPEN: Final = "hemostat_open"
_HEADER, _FIELD, _SECTION, _MOST = 150, 300, 2500, 12
_MARK: Final = re.compile(r"hemostat:([0-9a-f]{32}):(\d{1,9})")


def mark_of(key: str) -> str:
    """Return what a message of *key* is known by."""
    return sha256(key.encode()).hexdigest()[:32]


def revision_in(message: dict[str, Any], mark: str) -> int | None:
    """Return the revision that *message* shows, None if it is not the one of *mark*."""
    blocks = message.get("blocks")
    first = blocks[0] if isinstance(blocks, list) and blocks else None
    found = _MARK.fullmatch(str(first.get("block_id"))) if isinstance(first, dict) else None
    return int(found[2]) if found and found[1] == mark else None


def escaped(text: str) -> str:
    """Return *text* with the three characters escaped that Slack's markup begins with."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def incident_message(report: SituationReport, mark: str, page: str) -> tuple[str, Blocks]:
    """Return the notification's text and the blocks of an incident's message."""
    blocks: Blocks = [
        {
            "type": "header",
            "block_id": f"hemostat:{mark}:{report.revision}",
            "text": _plain(report.headline(), _HEADER),
        },
        {
            "type": "section",
            "fields": [_plain(f"{name}: {value}", _FIELD) for name, value in report.facts()],
        },
    ]
    if not report.discreet:
        steps = [f"{step.title}: {step.state.value}" for step in report.steps[-_MOST:]]
        blocks += [_section(said) for said in (steps, report.waits()[:_MOST]) if said]
    if buttons := _link(page, "Open the incident"):
        blocks.append({"type": "actions", "elements": buttons})
    return escaped(defanged(report.headline())), blocks


def line_message(line: Line, mark: str) -> tuple[str, Blocks]:
    """Return one line of the thread."""
    says = defanged(line.says, 1000)
    return "More of this incident", [_marked(mark, _revision_of(line), [says])]


def line_revision(line: Line) -> int:
    """A line's text as a number: another text, another number."""
    return _revision_of(line)


def question_message(
    question: Question, report: SituationReport, mark: str, page: str
) -> tuple[str, Blocks]:
    """Return the direct message about a question."""
    exercise = "EXERCISE: " if report.drill else ""
    over = question.over
    ended = f"Not asked any more ({over.value}): " if over else ""
    said = [f"{exercise}{ended}{asked_of(question)}", f"Incident {report.incident}"]
    blocks: Blocks = [_marked(mark, question_revision(question), said)]
    buttons = _link(page, "Open the question")
    if over is None:
        buttons.append(_acknowledge(report.incident, question.gate))
        note = "Deciding takes the page: nothing here counts as a decision."
        blocks.append({"type": "context", "elements": [_plain(note, _FIELD)]})
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    text = "A question is over" if over else "A question waits for you"
    return f"{exercise}{text}", blocks


def question_revision(question: Question) -> int:
    """How far a question has come: asked, held, over."""
    return 3 if question.over else 2 if question.held else 1


def _revision_of(line: Line) -> int:
    return int(sha256(line.says.encode("utf-8", "backslashreplace")).hexdigest()[:7], 16) + 1


def _marked(mark: str, revision: int, said: Sequence[str]) -> dict[str, Any]:
    return {"block_id": f"hemostat:{mark}:{revision}", **_section(said)}


def _section(said: Sequence[str]) -> dict[str, Any]:
    lines = "\n".join(defanged(line, _FIELD) or "-" for line in said)[:_SECTION]
    return {"type": "section", "text": {"type": "plain_text", "text": lines, "emoji": False}}


def _plain(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": defanged(text, longest) or "-", "emoji": False}


def _link(page: str, says: str) -> Blocks:
    if not page:
        return []
    return [{"type": "button", "action_id": OPEN, "text": _plain(says, 75), "url": page}]


def _acknowledge(incident: str, gate: str) -> dict[str, Any]:
    """The value names what is meant and is worth nothing by itself."""
    return {
        "type": "button",
        "action_id": ACKNOWLEDGE,
        "text": _plain("I am on it", 75),
        "value": f"{incident}/{gate}",
    }
