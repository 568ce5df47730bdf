"""The texts of an exfiltration: statements, filings, the report to the board. Pure.

They name no person and no suspect, quote nothing that came from outside, and say what is not known.
A text ends with a line break, as a mail does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.base import iso
from schemas.clocks.definition import ClockDefinition
from schemas.clocks.view import ClockRow, ClocksView
from schemas.ports.assistant import ExtractionSurvey
from schemas.ports.disclosure import Receipt
from schemas.step import StepClass, StepState, StepView

POINTS = 10
"""How many points the board's timeline has at most."""


@dataclass
class Facts:
    """What is known by now; None is "not known", and is said so."""

    case: str
    service: str
    opened_at: str
    drill: bool
    branch: str = "the suspected callers alone suspended"
    contained_at: str | None = None
    scope: ExtractionSurvey | None = None
    direct_access: str = "not investigated: needs the cloud's audit trail"
    vector: str = "not known yet"
    credentials: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    cause: str = ""
    """Who it was, as people determined it; "": nobody is asked."""
    held: bool = True
    """Whether the litigation hold is known to stand, as far as anybody looks."""
    complete: bool = False
    """Whether scope, cause and cure are known by now."""


def marked(facts: Facts) -> str:
    """The first line of an exercise."""
    return "EXERCISE. None of this happened.\n\n" if facts.drill else ""


THROUGH = {
    "": "through an insider",
    "human-with-assistant": "through an insider",
    "assistant-hijacked": "through the assistant itself, which was hijacked",
    "stolen-credentials": "through stolen credentials",
}
"""By whom, in a filing."""


def through(facts: Facts) -> str:
    """By whom it was, as far as people determined it."""
    return THROUGH.get(facts.cause, "through a caller; whether the person, is not determined")


def extent(facts: Facts) -> str:
    """How much left: one number where two methods agree, else a range."""
    if facts.scope is None:
        return "not known yet"
    low, high = sorted((facts.scope.documents, facts.scope.retrieved))
    return f"{low}" if low == high else f"between {low} and {high}"


def sent(receipt: Receipt | None) -> str:
    """What became of a text, in a word."""
    return f"sent as {receipt.receipt}" if receipt else "not sent"


def statement(facts: Facts, audience: str) -> str:
    """A holding statement: what is known, what is done, nothing else."""
    first_seen = ""
    if facts.scope and facts.scope.callers:
        first_seen = f" since {iso(min(use.first_at for use in facts.scope.callers))}"
    return (
        f"{marked(facts)}Case {facts.case}, to {audience}.\n\n"
        f"Documents left our assistant {facts.service} without permission{first_seen}. "
        f"Number of documents by our present knowledge: {extent(facts)}. "
        f"What was done: {facts.branch}. "
        "We will write again when we know more.\n"
    )


def filing(facts: Facts, under: ClockDefinition, which: str) -> str:
    """A notification: the initial one says that it is incomplete, what is not known it says so."""
    asked = ", ".join(under.content).replace("_", " ")
    lines = [
        f"{marked(facts)}{which.capitalize()} notification under {under.instrument}.",
        "",
        f"Case {facts.case}.",
        f"Nature: confidential documents left an AI assistant ({facts.service}) {through(facts)}.",
        f"Detected: {facts.opened_at}. Contained, and shown to be: {facts.contained_at or 'not yet'}.",
        f"Documents: {extent(facts)}. Direct access to the store: {facts.direct_access}.",
        f"Measures: {facts.branch}. Cause: {facts.vector}",
        f"The instrument asks for: {asked}." if asked else "",
        "Whatever of this is not above is not known yet, persons and countries among it."
        if which == "initial"
        else "Persons and countries are as counsel determined them.",
        "This notification is incomplete and will be completed."
        if which == "initial"
        else "This completes our initial notification.",
    ]
    return "\n".join(line for line in lines if line or line == lines[1]) + "\n"


def board_report(
    facts: Facts, steps: Sequence[StepView], clocks: ClocksView, missing: Sequence[object]
) -> str:
    """The content of the report to the board, in Markdown."""
    lines = [
        f"# Case {facts.case}: confidential documents left {facts.service}",
        "",
        *(["EXERCISE. None of this happened.", ""] if facts.drill else []),
        f"Opened {facts.opened_at}, contained and shown {facts.contained_at or 'never'}.",
        f"Path taken: {facts.branch}.",
        *_part("Impact", _impact(facts)),
        *_part("Timeline", _timeline(steps)),
        *_part("Cause", [facts.vector]),
        *(_part("Who it was, as determined", [facts.cause]) if facts.cause else []),
        *_part("Credentials", facts.credentials or ["none was revoked"]),
        *_part("Regulatory position", [_position(row) for row in clocks.clocks]),
        *([] if clocks.clocks else ["- no legal regime is declared for this service"]),
        *_part("What was said to whom", facts.sent or ["nothing"]),
        *_part("Steps, and whether each was shown", [f"{s.title}: {s.state.value}" for s in steps]),
        *_part("What stays open", _residual(facts, steps, missing)),
    ]
    return "\n".join(lines) + "\n"


def _part(title: str, rows: Sequence[str]) -> list[str]:
    return ["", f"## {title}", *(f"- {row}" for row in rows)]


def _impact(facts: Facts) -> list[str]:
    return [
        f"Documents that left in answers: {extent(facts)}",
        f"Direct access to the document store: {facts.direct_access}",
        "Personal data, customers, countries: see the regulatory position",
        "Cost and liability: not assessed here",
    ]


def _timeline(steps: Sequence[StepView]) -> list[str]:
    """The first containing steps that were shown, and what was done after them."""
    told = [step for step in steps if step.proven_at is not None]
    contained = [step for step in told if step.step_class is StepClass.CONTAIN]
    others = [step for step in told if step.step_class is not StepClass.CONTAIN]
    points = sorted([*contained[:5], *others[-5:]], key=lambda step: str(step.proven_at))
    return [f"{step.proven_at}: {step.title}" for step in points[:POINTS]]


def _position(row: ClockRow) -> str:
    """One clock: where it stands, who decided, what was filed."""
    said = row.released or (row.rulings[-1].said if row.rulings else None)
    ruled = f"; decided by {said.role} {iso(said.at)}" if said else ""
    filed = f"; receipt {row.filings[-1].receipt}" if row.filings else ""
    name = f"{row.id} ({row.definition.instrument})"
    return f"{name}: {row.state.value}, {row.says}{ruled}{filed}"


def _residual(facts: Facts, steps: Sequence[StepView], missing: Sequence[object]) -> list[str]:
    fine = (StepState.PROVEN, StepState.UNDONE, StepState.DONE)
    shaky = [f"{step.title}: {step.state.value}" for step in steps if step.state not in fine]
    return [
        *shaky,
        *(f"evidence not had: {name}" for name in missing),
        "the litigation hold stands until counsel lifts it"
        if facts.held
        else "THE LITIGATION HOLD IS NOT SHOWN TO STAND",
        "what the suspects took by other ways is not investigated here",
    ]
