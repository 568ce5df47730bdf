"""The signal's message for what a person says: their words, who they are, and in which role."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hemostat.desk.inbox import roles_at
from hemostat.desk.said import (
    Attest,
    BreakGlass,
    Decide,
    Determine,
    Grade,
    Redraft,
    Said,
    Suspect,
    Withdraw,
)
from hemostat.speaking import Spoken
from schemas.base import Frozen
from schemas.clocks.determination import LEGAL_ROLES, Determination
from schemas.errors import BadInput
from schemas.gate import BreakGlassUse, Choice, Decision, Withdrawal
from schemas.incident import IncidentView
from schemas.journal import Entry, Kind
from schemas.statements import NAMES_SUSPECTS, Attestation, Draft, Regrading, Suspicion
from schemas.who import Who


@dataclass(frozen=True)
class Signal:
    """A signal's name, and under which name its id stands in the journal's data."""

    name: str
    key: str = "decision"
    may_be_no_news: bool = False
    """Whether an incident that knows it already writes nothing."""


SIGNALS: Final[Mapping[type[Frozen], Signal]] = {
    Decide: Signal("decide"),
    Withdraw: Signal("withdraw"),
    BreakGlass: Signal("break-glass"),
    Attest: Signal("attest"),
    Grade: Signal("grade", may_be_no_news=True),
    Suspect: Signal("suspect", may_be_no_news=True),
    Redraft: Signal("draft"),
    Determine: Signal("determine", key="determination"),
}

KEYS_OF_WHAT_WAS_SAID: Final = frozenset(signal.key for signal in SIGNALS.values())
"""Where the journal has the id of what was said."""


def message_of(said: Said, who: Who, seen: IncidentView | None, known: str) -> Spoken:
    """Return the message under the id *known*; raises ``BadInput`` where the role is not clear.

    *seen* may be None for what :func:`needs_view` does not name.
    """
    return _MESSAGES[type(said)](said, who, seen, known)


def needs_gate(said: Said) -> str | None:
    """Return the gate that it is said at."""
    return said.gate if isinstance(said, Decide | Withdraw | BreakGlass) else None


def last_approval(entries: Sequence[Entry], person: str, gate: str) -> str | None:
    """Return the id of the last approval of *person* at *gate*."""
    for entry in reversed(entries):
        of = entry.data
        mine = (of.get("actor"), of.get("gate"), of.get("choice")) == (person, gate, Choice.APPROVE)
        if entry.kind is Kind.DECISION and mine:
            return str(of["decision"])
    return None


def needs_view(said: Said) -> bool:
    """Whether it takes a look at the open gates to tell in which role it is said."""
    return isinstance(said, Decide) and said.role is None


def role_at(said: Decide, who: Who, seen: IncidentView | None) -> str:
    """Return the role to decide in: the one named, else the only one that it can be."""
    if said.role:
        return said.role
    gates = seen.gates if seen else ()
    gate = next((gate for gate in gates if gate.policy.id == said.gate), None)
    able = roles_at(gate, who) if gate else ()
    if len(able) > 1:
        raise BadInput(
            "you may decide here in more than one role",
            where="role",
            next_step=f"name one: {', '.join(able)}.",
        )
    # Who may not decide, or comes too late, speaks in any role: the incident says why it is refused.
    return (*able, *who.roles, "none")[0]


def _role(asked: str | None, who: Who, among: Sequence[str]) -> str:
    if asked:
        return asked
    fitting = [role for role in who.roles if role in among] or list(who.roles)
    if len(fitting) == 1:
        return fitting[0]
    raise BadInput(
        "the role to say this in is not clear",
        where="role",
        next_step=f"name one: {', '.join(fitting or among)}.",
    )


def _decide(said: Decide, who: Who, seen: IncidentView | None, known: str) -> Decision:
    return Decision(
        decision_id=known,
        gate=said.gate,
        nonce=said.nonce,
        digest=said.digest,
        choice=said.choice,
        actor=who.person,
        role=role_at(said, who, seen),
        reason=said.reason,
    )


def _withdraw(said: Withdraw, who: Who, seen: IncidentView | None, known: str) -> Withdrawal:
    return Withdrawal(
        withdrawal_id=known,
        decision_id=said.decision_id or "",
        gate=said.gate,
        actor=who.person,
        reason=said.reason,
    )


def _break_glass(
    said: BreakGlass, who: Who, seen: IncidentView | None, known: str
) -> BreakGlassUse:
    return BreakGlassUse(
        use_id=known, gate=said.gate, nonce=said.nonce, actor=who.person, reason=said.reason
    )


def _attest(said: Attest, who: Who, seen: IncidentView | None, known: str) -> Attestation:
    role = _role(said.role, who, ())
    return Attestation(
        id=known,
        actor=who.person,
        role=role,
        reason=said.reason,
        step=said.step,
        evidence=said.evidence,
    )


def _grade(said: Grade, who: Who, seen: IncidentView | None, known: str) -> Regrading:
    return Regrading(
        id=known,
        actor=who.person,
        role=_role(said.role, who, ("commander",)),
        reason=said.reason,
        severity=said.severity,
        facts=said.facts,
        impact=said.impact,
    )


def _suspect(said: Suspect, who: Who, seen: IncidentView | None, known: str) -> Suspicion:
    return Suspicion(
        id=known,
        actor=who.person,
        role=_role(said.role, who, NAMES_SUSPECTS),
        reason=said.reason,
        person=said.person,
    )


def _redraft(said: Redraft, who: Who, seen: IncidentView | None, known: str) -> Draft:
    return Draft(
        id=known,
        actor=who.person,
        role=_role(said.role, who, sorted(LEGAL_ROLES)),
        reason=said.reason,
        gate=said.gate,
        text=said.text,
    )


def _determine(said: Determine, who: Who, seen: IncidentView | None, known: str) -> Determination:
    return Determination(
        determination_id=known,
        clock=said.clock,
        what=said.what,
        value=said.value,
        reason=said.reason,
        actor=who.person,
        role=_role(said.role, who, sorted(LEGAL_ROLES)),
        reference=said.reference,
    )


_MESSAGES: Final[Mapping[type[Frozen], Callable[[Any, Who, IncidentView | None, str], Spoken]]] = {
    Decide: _decide,
    Withdraw: _withdraw,
    BreakGlass: _break_glass,
    Attest: _attest,
    Grade: _grade,
    Suspect: _suspect,
    Redraft: _redraft,
    Determine: _determine,
}
