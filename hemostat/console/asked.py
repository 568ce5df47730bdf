"""What is asked of people at a gate, and what follows from each answer. Pure.

The consequences come from the gate's own policy and from what it shows: the exact parameters of
each act, the evidence it rests on, and what of it is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hemostat.console.words import plain, round_span, sentence, soon
from hemostat.desk.inbox import still_asked
from schemas.gate import TWO_PAIRS_OF_EYES, GatePolicy, OnSilence
from schemas.incident import GateView
from schemas.roster import BREAK_GLASS
from schemas.step import StepClass

_ENGINE_FILLS: Final = frozenset({"connection", "incident", "key"})
"""Fields of a request that are empty when shown: the engine fills them as it acts."""

_DOES: Final = {
    StepClass.OBSERVE: "looks, changes nothing",
    StepClass.CONTAIN: "contains, can be taken back",
    StepClass.DESTROY: "alters or deletes, cannot be taken back",
    StepClass.RESTORE: "opens again, raises the risk",
    StepClass.DISCLOSE: "leaves the company",
}


@dataclass(frozen=True)
class Act:
    """One request exactly as it will be made."""

    port: str
    parameters: list[tuple[str, Any]]


@dataclass(frozen=True)
class Asked:
    """A gate as a person sees it."""

    gate: GateView
    step: str
    step_class: str
    does: str
    acts: list[Act]
    shown: list[tuple[str, Any]]
    evidence: list[str]
    missing: list[str]
    if_approved: str
    if_rejected: str
    if_silent: str
    stands: bool
    roles: tuple[str, ...]
    """In which roles an answer of this person is asked for."""
    spoken: bool
    """Whether their approval stands already."""
    others: tuple[str, ...]
    """Who may decide now, where people are declared."""

    @property
    def policy(self) -> GatePolicy:
        """The policy of the gate."""
        return self.gate.policy

    @property
    def mine(self) -> bool:
        """Whether this person is asked."""
        return bool(self.roles)

    @property
    def grave(self) -> bool:
        """Whether it asks for a fresh proof of who decides."""
        return self.policy.step_up or self.policy.step_class in TWO_PAIRS_OF_EYES


def asked(gate: GateView, person: str, roles: tuple[str, ...], now: datetime) -> Asked:
    """Return *gate* as *person*, who holds *roles*, sees it at *now*."""
    policy, shown = gate.policy, dict(gate.shown)
    step = shown.pop("step", "")
    step_class = str(shown.pop("class", "") or policy.step_class or "")
    acts = list(_acts(shown.pop("acts", [])))
    evidence = _texts(shown.pop("evidence", []))
    missing = _texts(shown.pop("missing", []))
    mine = still_asked(gate, person, roles_of(gate, person, roles))
    given = {one.person for one in gate.approved} if policy.distinct_persons else frozenset()
    return Asked(
        gate=gate,
        step=step if isinstance(step, str) else "",
        step_class=step_class,
        does=_DOES.get(StepClass(step_class), "") if step_class in set(StepClass) else "",
        acts=acts,
        shown=list(shown.items()),
        evidence=evidence,
        missing=missing,
        if_approved=_if_approved(gate, mine, bool(acts)),
        if_rejected=sentence(policy.on_reject) or _if_rejected(policy, bool(acts)),
        if_silent=_if_silent(gate, now),
        stands=policy.on_silence is OnSilence.STAND,
        roles=mine,
        spoken=any(one.person == person for one in gate.approved),
        others=tuple(
            f"{s.person} ({plain(s.role)}{'' if s.available else ', away'})"
            for s in gate.may_decide
            if s.person not in given
        ),
    )


def roles_of(gate: GateView, person: str, roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return the roles in which *person* may decide: by the incident's roster where it has one."""
    alone = (BREAK_GLASS,) if person in gate.glass else ()
    if gate.may_decide:
        mine = (s.role for s in gate.may_decide if s.person == person)
        return (*dict.fromkeys(mine), *alone)
    return (*(role for role in gate.policy.roles if role in roles), *alone)


def _acts(shown: Any) -> Iterator[Act]:
    for act in shown if isinstance(shown, list) else []:
        if isinstance(act, dict):
            request = act.get("request")
            fields = request.items() if isinstance(request, dict) else ()
            kept = [(name, v) for name, v in fields if not (name in _ENGINE_FILLS and v == "")]
            yield Act(str(act.get("port", "")), kept)


def _texts(shown: Any) -> list[str]:
    return [str(item) for item in shown] if isinstance(shown, list) else []


def _if_approved(gate: GateView, mine: tuple[str, ...], acts: bool) -> str:
    """Say it to who is asked in the roles *mine*, or to somebody who only reads."""
    left = gate.policy.quorum - gate.approvals
    carried_out = "it is done at once, exactly as shown" if acts else "the response goes on at once"
    if gate.policy.all_roles and gate.policy.quorum > 1:
        others = [plain(role) for role in gate.lacking if role not in mine[:1]]
        if others:
            names, also = " and ".join(others), " as well" if mine else ""
            counts = "It counts, and once" if mine else "Once"
            return f"{counts} {names} approve{'s' * (len(others) == 1)}{also}, {carried_out}."
    if left > 1:
        return f"Counts as {gate.approvals + 1} of {gate.policy.quorum}; then {carried_out}."
    return f"{sentence(carried_out)}."


def _if_rejected(policy: GatePolicy, acts: bool) -> str:
    if policy.on_silence is OnSilence.STAND:
        return "Nothing changes; the offer stands."
    if acts:
        return "It is not done; the response goes on without it. One rejection is enough."
    return "Recorded as a no; the response takes its branch for that. One rejection is enough."


def _if_silent(gate: GateView, now: datetime) -> str:
    policy = gate.policy
    if policy.on_silence is OnSilence.STAND:
        return "Nothing happens: it is an offer that stands as long as the incident is open."
    when = (
        f"At {soon(gate.deadline, now)}" if gate.deadline else f"After {round_span(policy.timer)}"
    )
    ladder = ", then ".join(plain(role) for role in policy.ladder)
    escalates = f" Asked as well: {ladder}." if ladder else ""
    if policy.on_silence is OnSilence.PROCEED:
        return f"{when} it proceeds by policy.{escalates}"
    if gate.held:
        return f"The time has passed: nothing is done, and it stays held until people answer.{escalates}"
    return f"Nothing is done. {when} it counts as held, until people answer.{escalates}"
