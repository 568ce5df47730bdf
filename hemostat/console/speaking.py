"""What people say at gates, and the words for what became of it. Pure but for the guard's token."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from hemostat.console.asked import Asked
from hemostat.console.doors import Console, seen_other
from hemostat.console.pages import page
from hemostat.console.words import plain
from hemostat.desk.said import Answer, Taken
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


_MEANS: Final = {
    Taken.COUNTED: "It counts for exactly what you saw, and stands in the record with your reason.",
    Taken.TOO_LATE: "Nothing was changed by it. What is asked now, if anything, is below.",
    Taken.ALREADY_DECIDED: "Nothing more was changed by it.",
    Taken.NOT_YOURS: "Nothing was changed. Those whom it asks are named with the question.",
    Taken.REFUSED: "Nothing was changed. Look at what is asked now, and decide on that.",
    Taken.NOT_LOOKED_AT: "It will be counted or refused as you sent it; nothing is lost. Come back to see which.",
}


_NO_NEWS: Final = "The incident knew it, so it wrote nothing down for it."
_STANDS: Final = "It stands in the record with your reason."


def became(answer: Answer) -> Became:
    """Return the words for *answer*."""
    seq = answer.entry.seq if answer.entry else None
    if not answer.counted:
        return Became("warn", "bad", answer.says, _MEANS[answer.taken], seq)
    if answer.entry is None:
        return Became("calm", "skip", answer.says, _NO_NEWS, seq)
    data = answer.entry.data
    if "choice" not in data:
        return Became("good", "proven", f"Recorded: {answer.entry.says}.", _STANDS, seq)
    rejected = data.get("choice") == "reject"
    says = "Rejected. It is recorded." if rejected else "Approved. It is recorded."
    return Became(
        "good", "no" if rejected else "proven", says, f"{_right(data)}{_MEANS[answer.taken]}", seq
    )


def _right(data: dict[str, Any]) -> str:
    """By what right it was decided."""
    standing = data.get("standing")
    if not isinstance(standing, dict):
        return ""
    of = f" of {standing['of']}" if standing.get("of") else ""
    return (
        f"As {standing.get('claim', '')}{of} of the role {plain(str(standing.get('role', '')))}. "
    )


def handed_over(request: Request, who: Who, answer: Answer, see: str) -> Response:
    """Send to *see*, where it is told what became of it; where that is not known yet, say so.

    The incident answers late then: nothing more is asked of it for this.
    """
    if answer.taken is not Taken.NOT_LOOKED_AT:
        return seen_other(see)
    return page(request, "handed_over.html", who, status=202, became=became(answer), see=see)


def form_of(console: Console, request: Request, who: Who) -> dict[str, Any]:
    """Return what every page with a form of a decision needs.

    ``prove`` tells where to prove afresh who one is before one decides, None if nothing is asked.
    """

    def proof(incident: str, about: Asked) -> str | None:
        back = f"/incidents/{incident}/gates/{about.policy.id}"
        return console.guard.step_up(request, who, back) if about.grave else None

    return {
        "csrf": console.guard.token(request),
        "fresh_id": lambda: str(uuid.uuid4()),
        "reasons": REASONS,
        "prove": proof,
        "may_speak": who.kind == "person",
    }
