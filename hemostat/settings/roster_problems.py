"""What is wrong with the people of ``hemostat.toml``: told before any incident finds out.

``broken_people`` needs nothing but the people themselves and keeps a file from being read.
``weak_gates`` and ``expired`` need the playbooks' gates and today's date, and are for
``hemostat check``: a process must not refuse to start because a delegation ran out overnight.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from hemostat.settings.problems import Found
from schemas.eligibility import Sitting, suffices
from schemas.gate import GatePolicy, OnSilence
from schemas.gate_state import GateState
from schemas.roster import BREAK_GLASS, Roster
from schemas.severity import Severity

_NOBODY = "sha256:" + "0" * 64


def broken_people(roster: Roster, conflicts: Mapping[str, tuple[str, ...]]) -> list[Found]:
    """Return names that point at nobody, ladders that end nowhere and chains of delegation."""
    return [
        *_unknown_people(roster, conflicts),
        *_ladders(roster),
        *_delegations(roster),
    ]


def _unknown_people(roster: Roster, conflicts: Mapping[str, tuple[str, ...]]) -> Iterator[Found]:
    named: list[tuple[tuple[str | int, ...], str]] = []
    for name, role in roster.roles.items():
        named += [(("roles", name, "primary"), person) for person in role.primary]
        named += [(("roles", name, "deputies"), person) for person in role.deputies]
    for index, made in enumerate(roster.delegations):
        named += [(("delegations", index, "of"), made.of), (("delegations", index, "to"), made.to)]
    named += [(("break_glass", "people"), person) for person in roster.break_glass.people]
    for service, people in conflicts.items():
        named += [(("services", service, "conflicts"), person) for person in people]
    for path, person in named:
        if person not in roster.people:
            yield path, f"there is no person {person!r}", f"add [people.{person}]."


def _ladders(roster: Roster) -> Iterator[Found]:
    if BREAK_GLASS in roster.roles:
        hint = "give the role another name."
        yield ("roles", BREAK_GLASS), f"{BREAK_GLASS!r} is not a role that people hold", hint
    for name, role in roster.roles.items():
        path = ("roles", name, "ladder")
        unknown = [rung for rung in role.ladder if rung not in roster.roles]
        for rung in unknown:
            yield path, f"there is no role {rung!r}", f"add [roles.{rung}]."
        own = {*role.primary, *role.deputies}
        ahead = {p for r in role.ladder if r in roster.roles for p in roster.roles[r].primary}
        if role.ladder and not unknown and ahead <= own:
            hint = "end it at a role that somebody else holds."
            yield path, f"the ladder of {name!r} ends nowhere: it asks the same people again", hint


def _delegations(roster: Roster) -> Iterator[Found]:
    for index, made in enumerate(roster.delegations):
        path = ("delegations", index)
        for role in made.roles:
            table = roster.roles.get(role)
            if table is None:
                yield (*path, "roles"), f"there is no role {role!r}", f"add [roles.{role}]."
            elif made.of in table.primary:
                continue
            elif any(d.to == made.of and role in d.roles for d in roster.delegations):
                what = f"{made.of!r} passes on {role!r}, which was delegated to them"
                yield path, what, "what was delegated cannot be delegated again."
            else:
                what = f"{made.of!r} does not hold {role!r} and cannot delegate it"
                yield (*path, "of"), what, "name someone who holds it."


def expired(roster: Roster, now: datetime) -> list[Found]:
    """Return the delegations that have run out."""
    return [
        (
            ("delegations", index, "until"),
            f"the delegation from {made.of!r} to {made.to!r} has expired",
            "remove it, or give it a new date.",
        )
        for index, made in enumerate(roster.delegations)
        if made.until <= now
    ]


def weak_gates(
    roster: Roster, service: str, gates: Iterable[GatePolicy], now: datetime
) -> list[Found]:
    """Return what keeps a gate of an enabled playbook from being answered, one way or another.

    *gates* are as the incident would open them, with the ladders of their roles.
    """
    found: dict[Found, None] = {}
    for policy in gates:
        for problem in _weaknesses(roster, service, policy, now):
            found[problem] = None
    return list(found)


def unknown_gates(
    service: str, changed: Iterable[str], gates: Iterable[GatePolicy]
) -> Iterator[Found]:
    """Return what a service changes of gates that none of its playbooks has."""
    known = sorted({policy.id for policy in gates} | {"may-contain"})
    for name in changed:
        if name not in known and not name.startswith("retry-"):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(known)}."
            path = ("services", service, "gates", name)
            yield path, f"no playbook of {service!r} has a gate {name!r}", hint


def _weaknesses(roster: Roster, service: str, policy: GatePolicy, now: datetime) -> Iterator[Found]:
    asked = (*policy.roles, *policy.ladder)
    unknown = [role for role in asked if role not in roster.roles]
    for role in unknown:
        what = f"gate {policy.id!r} of a playbook of {service!r} asks the role {role!r}"
        path = ("services", service, "playbooks")
        yield path, f"{what}, which nobody holds", f"add [roles.{role}]."
    if unknown:
        return
    if not _enough(roster, policy, now, frozenset()):
        what = f"gate {policy.id!r} of a playbook of {service!r} wants {policy.quorum} people"
        hint = "add people to these roles, their deputies or ladders."
        yield ("roles", policy.roles[0]), f"{what}, more than {_named(policy)} have", hint
        return
    if policy.on_silence is OnSilence.STAND:
        return
    needed = [
        person
        for person in roster.people
        if not _enough(roster, policy, now, roster.with_delegates(frozenset({person})))
    ]
    if needed:
        who = " or ".join(repr(person) for person in needed)
        what = f"if {who} were the suspect, nobody could decide at gate {policy.id!r}"
        hint = f"add somebody else to {_named(policy)} or its ladder."
        yield ("roles", policy.roles[0]), f"{what} of {service!r}", hint
    beyond = {p for role in policy.ladder for p in roster.roles[role].primary}
    own = {p for role in policy.roles for p in roster.roles[role].primary}
    if policy.on_silence is OnSilence.HOLD and beyond <= own:
        what = f"gate {policy.id!r} of {service!r} ends nowhere when {_named(policy)} are silent"
        hint = f"add `ladder = [...]` to [roles.{policy.roles[0]}]."
        yield ("roles", policy.roles[0]), what, hint


def _named(policy: GatePolicy) -> str:
    return " and ".join(policy.roles)


def _enough(roster: Roster, policy: GatePolicy, now: datetime, suspects: frozenset[str]) -> bool:
    """Whether holders and deputies, all rungs asked and *suspects* apart, satisfy the policy."""
    state = GateState(
        policy=policy,
        nonce="",
        digest=_NOBODY,
        opened_at=now,
        forced=len(policy.ladder),
    )
    sitting = Sitting(roster=roster, severity=Severity.SEV1, suspects=suspects)
    able = {(s.person, s.role) for s in state.may_decide(sitting, now)}
    excluded = state.seen_by(sitting).excluded
    able |= {
        (person, role)
        for role in state.eligible(now)
        for person in roster.roles[role].deputies
        if person not in excluded
    }
    return suffices(
        able,
        roles=policy.roles,
        stand_ins=policy.ladder,
        quorum=policy.quorum,
        all_roles=policy.all_roles,
        distinct_persons=policy.distinct_persons,
    )
