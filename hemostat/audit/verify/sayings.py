"""What each kind of signal leaves in the journal, field by field, so that both can be compared.

Law: an entry is compared with signals of its own kind alone, and with all that such an entry takes
from its signal. What the journal keeps as a digest is compared as that digest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from schemas.audit.strict import is_same
from schemas.base import Frozen
from schemas.canonical import digest_bytes, digest_of
from schemas.clocks.determination import Determination
from schemas.gate import BreakGlassUse, Decision, Withdrawal
from schemas.journal import Entry, Kind, recordable
from schemas.statements import Attestation, Draft, Regrading, Suspicion

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Saying:
    """One kind of signal: what it carries, and what its entry takes from it."""

    model: type[Frozen]
    id: str
    """The field of the signal that is its id."""
    marks: tuple[str, ...]
    """Its entries, and those of no kind named before it, have one of these fields."""
    same: tuple[str, ...]
    """What stands in the entry as it was said."""
    made: Mapping[str, Callable[[Values], Any]] = field(default_factory=dict)
    """What the entry says otherwise: by its field, how that follows from the signal."""


_WHO: Final = ("actor", "role", "reason")

SAYINGS: Final[Mapping[str, Saying]] = {
    "determine": Saying(
        Determination,
        "determination_id",
        ("determination",),
        (*_WHO, "clock", "what", "value", "reference"),
    ),
    "decide": Saying(Decision, "decision_id", ("choice",), (*_WHO, "gate", "choice", "digest")),
    "withdraw": Saying(
        Withdrawal,
        "withdrawal_id",
        ("withdraws",),
        ("actor", "reason", "gate"),
        {"withdraws": lambda said: said["decision_id"]},
    ),
    "break-glass": Saying(BreakGlassUse, "use_id", ("until",), ("actor", "reason", "gate")),
    "attest": Saying(Attestation, "id", ("evidence",), (*_WHO, "step", "evidence")),
    "grade": Saying(Regrading, "id", ("severity", "facts"), _WHO),
    "draft": Saying(
        Draft,
        "id",
        ("text",),
        (*_WHO, "gate"),
        {"text": lambda said: digest_bytes(said["text"].encode())},
    ),
    # Whom it names does not enter the journal, nor why.
    "suspect": Saying(
        Suspicion,
        "id",
        (),
        ("actor", "role"),
        {"reason": lambda said: digest_of(said["reason"])},
    ),
}
"""By signal. ``suspect`` comes last: its entries have no field of their own."""


def is_said(entry: Entry) -> bool:
    """Whether *entry* tells what a person said that counted."""
    if entry.kind is Kind.CLOCK:
        return "determination" in entry.data or "actor" in entry.data
    return entry.kind is Kind.DECISION


def id_of(entry: Entry) -> str | None:
    """Return the id of what a person said, as the journal names it; None: it names none."""
    named = entry.data.get("decision", entry.data.get("determination"))
    return named if isinstance(named, str) else None


def signal_of(entry: Entry) -> str:
    """Return the name of the signal whose words *entry* tells."""
    if (entry.kind is Kind.CLOCK) != ("determination" in entry.data):
        return ""
    marked = (n for n, saying in SAYINGS.items() if any(m in entry.data for m in saying.marks))
    return next(marked, "suspect")


def read_as(name: str, said: Any) -> Frozen | None:
    """Return what a signal of *name* carried, or None: the incident could not read it either."""
    try:
        return SAYINGS[name].model.model_validate(said)
    except ValidationError:
        return None


def differs(entry: Entry, name: str, said: Frozen) -> str:
    """Return which field of *entry* is another than the signal's; "" if they are alike."""
    saying, values = SAYINGS[name], said.model_dump(mode="json")
    wanted = {told: values[told] for told in saying.same}
    wanted |= {told: make(values) for told, make in saying.made.items()}
    if isinstance(said, Regrading):
        wanted |= _graded(entry, said)
    return next((n for n in wanted if not is_same(entry.data.get(n), recordable(wanted[n]))), "")


def _graded(entry: Entry, said: Regrading) -> dict[str, Any]:
    """A grade is told as what it was set to, or as all that was known with what was said now."""
    if "facts" not in entry.data:
        return {"severity": said.severity}
    impact = said.impact.model_dump(mode="json", exclude_unset=True) if said.impact else {}
    new = {"facts": said.facts.model_dump(mode="json", exclude_none=True), "impact": impact}
    before = {told: entry.data.get(told) for told in new}
    return {t: {**b, **new[t]} if isinstance(b := before[t], dict) else new[t] for t in new}
