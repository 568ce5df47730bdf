"""What people say at gates, and the words for what became of it. Pure but for the guard's token."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from hemostat.console.doors import Console
from schemas.gate import Refusal
from schemas.journal import Entry, Kind
from schemas.who import Who

REASONS: Final = (
    "Evidence checked, I agree",
    "Harm is ongoing, act now",
    "Not enough evidence",
    "Not now",
)
"""What people say most; their own words are better, and always possible."""


@dataclass(frozen=True)
class Became:
    """What became of a decision, in words."""

    tone: str
    sign: str
    says: str
    means: str
    seq: int | None = None


_REFUSED: Final = {
    Refusal.MALFORMED: ("It could not be understood.", "Load the page anew and decide again."),
    Refusal.EARLY: (
        "This question has not been asked yet.",
        "Nothing was changed. When it is asked, it appears among your decisions.",
    ),
    Refusal.LATE: (
        "Too late: this question is closed.",
        "It was settled before your decision arrived. Nothing was changed by it; the incident says how it was settled.",
    ),
    Refusal.STALE_NONCE: (
        "It is being asked anew.",
        "Your decision was for an earlier asking and changed nothing. Look at what is asked now, and decide on that.",
    ),
    Refusal.OTHER_EXHIBIT: (
        "What is asked has changed since you looked.",
        "Your decision was bound to what you saw, so it changed nothing. Look again, and decide on that.",
    ),
    Refusal.DUPLICATE: (
        "This was decided already.",
        "The same decision arrived before; it counts once.",
    ),
    Refusal.SAME_PERSON: (
        "You have decided here already.",
        "Two pairs of eyes are asked for: another person has to agree.",
    ),
    Refusal.NOT_THE_ROLE: (
        "This is not yours to decide.",
        "In this incident you do not hold a role that this question asks. Nothing was changed.",
    ),
    Refusal.EXCLUDED: (
        "You are excluded from this decision.",
        "Who asked for a step, carried it out, or has an interest in it does not decide on it. Nothing was changed.",
    ),
    Refusal.NOT_YOURS: ("That is another person's decision.", "Only they can take it back."),
    Refusal.NOT_UNDER_WAY: ("There is nothing to take back.", "Nothing was changed."),
}


def became(entry: Entry) -> Became:
    """Return the words for the journal entry of a decision."""
    if entry.kind is Kind.DECISION:
        rejected = entry.data.get("choice") == "reject"
        says = "Rejected. It is recorded." if rejected else "Approved. It is recorded."
        return Became("good", "no" if rejected else "proven", says, _counts(entry), entry.seq)
    known = {refusal.value: refusal for refusal in Refusal}
    refusal = known.get(str(entry.data.get("refusal", "")))
    if refusal is None:
        says = "Your decision changed nothing."
        return Became("bad", "bad", says, "The journal says why.", entry.seq)
    says, means = _REFUSED[refusal]
    return Became("warn", "bad", says, means, entry.seq)


def _counts(entry: Entry) -> str:
    standing = entry.data.get("standing")
    if not isinstance(standing, dict):
        return f"In the role {entry.data.get('role', '')}."
    of = f" of {standing['of']}" if standing.get("of") else ""
    return f"As {standing.get('claim', '')}{of} of the role {standing.get('role', '')}."


def form_of(console: Console, request: Request, who: Who) -> dict[str, Any]:
    """Return what every page with a form of a decision needs."""
    return {
        "csrf": console.guard.token(request),
        "fresh_id": lambda: str(uuid.uuid4()),
        "reasons": REASONS,
        "may_speak": who.kind == "person",
    }
