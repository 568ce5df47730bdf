"""The texts of an exfiltration: statements, filings, the report to the board. Pure.

They name no person and no suspect, quote nothing that came from outside, and say what is not known.
A text ends with a line break, as a mail does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.base import iso
from schemas.ports.assistant import ExtractionSurvey


@dataclass
class Facts:
    """What is known by now; None is "not known", and is said so."""

    case: str
    service: str
    opened_at: str
    drill: bool
    branch: str = ""
    contained_at: str | None = None
    scope: ExtractionSurvey | None = None
    direct_access: str = "not investigated: needs the cloud's audit trail"
    vector: str = "not known yet"
    credentials: list[str] = field(default_factory=list)
    determinations: dict[str, bool] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)


def marked(facts: Facts) -> str:
    """The first line of an exercise."""
    return "EXERCISE. None of this happened.\n\n" if facts.drill else ""


def extent(facts: Facts) -> str:
    """How much left: one number where two methods agree, else a range."""
    if facts.scope is None:
        return "not known yet"
    low, high = sorted((facts.scope.documents, facts.scope.retrieved))
    return f"{low}" if low == high else f"between {low} and {high}"


def statement(facts: Facts, audience: str) -> str:
    """A holding statement: what is known, what is done, nothing else."""
    first_seen = ""
    if facts.scope and facts.scope.callers:
        first_seen = f" since {iso(min(use.first_at for use in facts.scope.callers))}"
    return (
        f"{marked(facts)}Case {facts.case}, to {audience}.\n\n"
        f"Documents left our assistant {facts.service} without permission{first_seen}. "
        f"Number of documents by our present knowledge: {extent(facts)}. "
        "The access concerned is revoked and the assistant was taken offline. "
        "We will write again when we know more.\n"
    )


def filing(facts: Facts, instrument: str) -> str:
    """An initial, incomplete notification."""
    return (
        f"{marked(facts)}Initial notification under {instrument}. Case {facts.case}.\n\n"
        f"Nature: confidential documents left an AI assistant ({facts.service}) through an insider. "
        f"Detected: {facts.opened_at}. Contained: {facts.contained_at or 'not yet'}. "
        f"Documents: {extent(facts)}. Direct access to the store: {facts.direct_access}. "
        "Categories of persons and data: under investigation. This notification is incomplete and "
        "will be completed.\n"
    )


def board_report(facts: Facts, steps: Mapping[str, str], lessons: Sequence[str] = ()) -> str:
    """The content of the report to the board, in Markdown."""
    regimes = [
        f"- {regime}: {'to be notified' if applies else 'no notification'}"
        for regime, applies in facts.determinations.items()
    ]
    lines = [
        f"# Case {facts.case}: confidential documents left {facts.service}",
        "",
        *(["EXERCISE. None of this happened.", ""] if facts.drill else []),
        f"Opened {facts.opened_at}, contained {facts.contained_at or 'never shown'}.",
        f"Path taken: {facts.branch}.",
        "",
        "## Impact",
        f"- Documents that left in answers: {extent(facts)}",
        f"- Direct access to the document store: {facts.direct_access}",
        "- Personal data, customers, countries: see counsel's determinations",
        "",
        "## Cause",
        facts.vector,
        "",
        "## Credentials",
        *(f"- {row}" for row in facts.credentials),
        "",
        "## Legal determinations",
        *(regimes or ["- none asked for"]),
        "",
        "## What was said to whom",
        *([f"- {row}" for row in facts.sent] or ["- nothing"]),
        "",
        "## Steps",
        *(f"- {title}: {state}" for title, state in steps.items()),
        *(["", "## Lessons", *(f"- {lesson}" for lesson in lessons)] if lessons else []),
    ]
    return "\n".join(lines) + "\n"
