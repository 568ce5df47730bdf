"""What the journal says of a person's words, put so that they know what to do next."""

from collections.abc import Sequence
from typing import Any, Final

from hemostat.desk.said import Answer, Taken
from schemas.clocks.determination import NoEffect
from schemas.gate import Outcome, Refusal
from schemas.journal import Entry, Kind
from schemas.signed_statement import Unproven

_REFUSED: Final[dict[str, tuple[Taken, str]]] = {
    Refusal.LATE: (Taken.TOO_LATE, "Too late: the gate is closed."),
    Refusal.STALE_NONCE: (
        Taken.TOO_LATE,
        "Too late: what you answered is not asked any more. Look at what is asked now.",
    ),
    Refusal.EARLY: (Taken.REFUSED, "This gate has not been opened yet."),
    Refusal.OTHER_EXHIBIT: (
        Taken.REFUSED,
        "The gate shows something else than what you saw. Look again, then decide.",
    ),
    Refusal.DUPLICATE: (Taken.ALREADY_DECIDED, "This was counted already."),
    Refusal.SAME_PERSON: (
        Taken.ALREADY_DECIDED,
        "You have approved here already; another person has to approve as well.",
    ),
    Refusal.NOT_THE_ROLE: (Taken.NOT_YOURS, "This is not yours to say in that role, now."),
    Refusal.EXCLUDED: (
        Taken.NOT_YOURS,
        "This is not yours to decide: you asked for it, carried it out, or have an interest in it.",
    ),
    Refusal.NOT_YOURS: (Taken.NOT_YOURS, "That approval is somebody else's."),
    Refusal.NOT_UNDER_WAY: (Taken.REFUSED, "There is nothing under way that this could be about."),
    Refusal.UNAUTHENTICATED: (
        Taken.REFUSED,
        "It did not prove to be yours, so it counts for nothing. Sign in again.",
    ),
    Refusal.STEP_UP_ASKED: (
        Taken.REFUSED,
        "This asks you to prove anew who you are: sign in afresh, then say it again.",
    ),
    Refusal.OWN_KEY_ASKED: (
        Taken.REFUSED,
        "This gate counts only what you sign with your own key: `hemostat decide --key FILE`.",
    ),
    Refusal.REJECTED_TEXT: (
        Taken.REFUSED,
        "Exactly this text was rejected. Change it, and send the draft again.",
    ),
    Refusal.MALFORMED: (Taken.REFUSED, "The incident could not read it."),
    NoEffect.NO_SUCH_CLOCK: (Taken.REFUSED, "The incident has no such clock."),
    NoEffect.NOT_IN_FORCE: (Taken.REFUSED, "That law was not in force."),
    NoEffect.NO_SUCH_VALUE: (Taken.REFUSED, "That is no value of this matter."),
    NoEffect.NO_MOMENT: (
        Taken.REFUSED,
        "That is no past moment with its offset, such as 2026-12-18T16:00+01:00.",
    ),
    NoEffect.NO_RECEIPT: (Taken.REFUSED, "A filing needs its receipt as the reference."),
    NoEffect.NOT_OF_THIS_CLOCK: (Taken.REFUSED, "Nothing of the kind moves this clock."),
    NoEffect.SAME_AS_BEFORE: (Taken.ALREADY_DECIDED, "It was so already."),
}

_NOT_PROVEN: Final[dict[str, str]] = {
    Unproven.FROM_THE_FUTURE: "It counts for nothing: the clock of the gateway, or of the machine "
    "that signed it, is ahead of Temporal's. Set it right, then say it again.",
    Unproven.TOO_OLD: "It counts for nothing: it was signed too long ago. Say it again; if that "
    "fails too, the clock of what signs it is behind Temporal's.",
    Unproven.UNKNOWN_KEY: "It counts for nothing: this incident does not know the key that signed "
    "it. It knows those there were when it opened, and what `hemostat keys rotate` made of them.",
}
"""Where signing in again would not help."""

_ENDED: Final[dict[str, tuple[Taken, str]]] = {
    Outcome.APPROVED: (Taken.ALREADY_DECIDED, "Already decided: it was approved."),
    Outcome.REJECTED: (Taken.ALREADY_DECIDED, "Already decided: it was rejected."),
    Outcome.PROCEEDED_BY_POLICY: (
        Taken.TOO_LATE,
        "Too late: nobody had answered, and it went ahead by policy.",
    ),
    Outcome.EXPIRED: (Taken.TOO_LATE, "Too late: the question has expired."),
    Outcome.WITHDRAWN: (Taken.TOO_LATE, "Too late: what was asked about no longer stands."),
}


def answer_to(known: str, entry: Entry) -> Answer:
    """Return the answer that *entry* is to what was said under the id *known*."""
    if entry.kind is not Kind.REFUSED:
        return Answer(id=known, taken=Taken.COUNTED, says=f"Counted. {entry.says}.", entry=entry)
    why = str(entry.data.get("refusal") or entry.data.get("why") or "refused")
    taken, says = _REFUSED.get(why, (Taken.REFUSED, "The incident refused it."))
    says = _NOT_PROVEN.get(str(entry.data.get("because")), says)
    return Answer(id=known, taken=taken, says=says, refusal=why, entry=entry)


def how_the_gate_ended(entries: Sequence[Entry], gate: str) -> dict[str, Any]:
    """Return what an answer says of a gate that was closed; nothing if it was asked anew."""
    for entry in reversed(entries):
        if entry.kind is Kind.GATE and entry.data.get("gate") == gate:
            ended = _ENDED.get(str(entry.data.get("outcome")))
            return {"taken": ended[0], "says": ended[1]} if ended else {}
    return {}


def proof_is_old(known: str) -> Answer:
    """Return that a fresh proof is asked for: nothing was signed, and the incident heard nothing."""
    taken, says = _REFUSED[Refusal.STEP_UP_ASKED]
    return Answer(id=known, taken=taken, says=says, refusal=Refusal.STEP_UP_ASKED)


def too_late(known: str, says: str) -> Answer:
    """Return that nothing was there any more to take it."""
    return Answer(id=known, taken=Taken.TOO_LATE, says=says)


def nothing_new(known: str) -> Answer:
    """Return that the incident took it and knew it already."""
    return Answer(id=known, taken=Taken.COUNTED, says="It was so already; nothing changed.")


def unseen(known: str) -> Answer:
    """Return that Temporal has it for good, and that no answer of the incident came in time."""
    says = (
        "It was handed over and is safe; whether it counted is not known yet. "
        "Sending it again does no harm."
    )
    return Answer(id=known, taken=Taken.NOT_LOOKED_AT, says=says)
