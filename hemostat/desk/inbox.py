"""What is asked of one person: each open gate that they may decide, and what their answer does."""

from collections.abc import Iterable
from datetime import datetime

from hemostat.desk.said import roles_in_words
from hemostat.settings import Settings
from schemas import visibility
from schemas.base import Frozen, Utc
from schemas.clocks.determination import DPO, LEGAL_ROLES
from schemas.clocks.view import ClockRow
from schemas.gate import OnSilence
from schemas.incident import Containment, GateView, IncidentView
from schemas.roster import BREAK_GLASS
from schemas.severity import Severity
from schemas.who import Who


class Consequences(Frozen):
    """What follows from each thing that a person can do, in our own words."""

    approve: str
    reject: str
    silence: str


class Asked(Frozen):
    """One open gate that a person may decide: what exactly, on what evidence, by when."""

    incident: str
    playbook: str
    service: str
    severity: Severity
    containment: Containment
    drill: bool
    gate: GateView
    """With the exact parameters (``shown``), and the nonce and digest that a decision carries."""
    roles: tuple[str, ...]
    """The roles in which this person may decide it now."""
    consequences: Consequences
    seconds_left: float | None
    """Until silence takes effect; None where it has no timer, negative once it has passed."""


class ClockAsked(Frozen):
    """A legal clock that waits for counsel."""

    incident: str
    clock: ClockRow


class Inbox(Frozen):
    """Everything asked of one person; ``unanswered`` are incidents no worker answers for."""

    at: Utc
    gates: tuple[Asked, ...]
    clocks: tuple[ClockAsked, ...]
    unanswered: tuple[str, ...] = ()
    next: str | None = None


def roles_that_ask(settings: Settings, who: Who) -> list[str]:
    """Return the roles whose gates *who* may have to decide: own, deputised and delegated ones.

    The incident's own roster judges; this only narrows down which incidents to look at.
    """
    person, roles = who.person, set(who.roles)
    for name, table in settings.roles.items():
        if person in (*table.primary, *table.deputies):
            roles.add(name)
    for made in settings.delegations:
        if made.to == person:
            roles |= set(made.roles)
    return sorted(roles)


def roles_looked_at(settings: Settings, who: Who) -> list[str]:
    """Return the roles at whose gates to look for what *who* may decide.

    Who may break the glass may have done so anywhere: only the incidents that wait tell where.
    """
    asked = roles_that_ask(settings, who)
    return sorted({*asked, *settings.roles}) if who.person in settings.break_glass.people else asked


def waiting_for(roles: Iterable[str]) -> str:
    """Return the list filter for open incidents that wait for one of *roles*, which are names."""
    named = ", ".join(f"'{role}'" for role in roles)
    return f"ExecutionStatus = 'Running' AND {visibility.WAITING_FOR.name} IN ({named})"


def asked_of(who: Who, seen: IncidentView, now: datetime) -> list[Asked]:
    """Return the gates of *seen* that *who* may decide now, standing offers apart."""
    found = []
    for gate in seen.gates:
        roles = still_asked(gate, who.person, roles_at(gate, who))
        if roles and gate.policy.on_silence is not OnSilence.STAND:
            found.append(asked(seen, gate, roles, now))
    return found


def asked(seen: IncidentView, gate: GateView, roles: tuple[str, ...], now: datetime) -> Asked:
    """Return *gate* as it is put before somebody who may decide in *roles*."""
    return Asked(
        incident=seen.id,
        playbook=seen.playbook,
        service=seen.service,
        severity=seen.severity,
        containment=seen.containment,
        drill=seen.drill,
        gate=gate,
        roles=roles,
        consequences=consequences(gate),
        seconds_left=(gate.deadline - now).total_seconds() if gate.deadline else None,
    )


def roles_at(gate: GateView, who: Who) -> tuple[str, ...]:
    """Return the roles in which *who* may decide at *gate* now.

    Where the incident declares no people, that is what the authentication says of them.
    """
    if who.kind != "person":
        return ()
    alone = (BREAK_GLASS,) if who.person in gate.glass else ()
    if gate.may_decide:
        return (*(s.role for s in gate.may_decide if s.person == who.person), *alone)
    return (*(role for role in gate.policy.roles if role in who.roles), *alone)


def still_asked(gate: GateView, person: str, roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of *roles* in which an answer of *person* is still asked for at *gate*.

    Whose approval stands is asked nothing more; they may take it back, or break the glass.
    """
    given = {one.role for one in gate.approved if one.person == person}
    if given and gate.policy.distinct_persons:
        return tuple(role for role in roles if role == BREAK_GLASS)
    return tuple(role for role in roles if role not in given)


def legal_roles(who: Who) -> bool:
    """Whether clocks that wait for counsel wait for *who*."""
    return who.kind == "person" and bool((LEGAL_ROLES | {DPO}) & set(who.roles))


def consequences(gate: GateView) -> Consequences:
    """Say what approving, rejecting and saying nothing do at *gate*."""
    return Consequences(approve=_approve(gate), reject=_reject(gate), silence=_silence(gate))


def _approve(gate: GateView) -> str:
    missing = gate.policy.quorum - gate.approvals - 1
    if missing > 0:
        people = "one more person" if missing == 1 else f"{missing} more people"
        return f"It counts, and {people} must approve before it goes ahead."
    if gate.policy.all_roles:
        return f"It goes ahead once each of {roles_in_words(gate.policy.roles)} has approved."
    return "It goes ahead at once."


def _reject(gate: GateView) -> str:
    if gate.policy.on_reject:
        return f"It is not done; instead: {gate.policy.on_reject}."
    return "It is not done. One rejection is enough."


def _silence(gate: GateView) -> str:
    policy = gate.policy
    if policy.on_silence is OnSilence.STAND:
        return "Nothing happens: it is a standing offer."
    until = f"{gate.deadline:%Y-%m-%d %H:%M:%S}Z" if gate.deadline else "its time is over"
    if policy.on_silence is OnSilence.PROCEED:
        return f"It goes ahead by policy at {until}."
    ladder = f" {roles_in_words(policy.ladder)} are asked as well." if policy.ladder else ""
    if gate.held:
        return f"It has been held by policy since {until} and stays so until people decide.{ladder}"
    return f"It is held by policy from {until} on until people decide.{ladder}"
