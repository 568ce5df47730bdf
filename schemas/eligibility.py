"""Who may decide at a gate at this moment, and whether those who did are enough. Pure.

Whoever holds a role may decide in it, away or not; deputies may while no holder is available; a
delegate may within the delegation. Who is excluded may not, and neither deputises nor passes
anything on. The pool by which a gate judges whether it can be answered counts only the available.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from schemas.base import Frozen
from schemas.roster import Roster
from schemas.severity import Severity
from schemas.step import StepClass


class Claim(StrEnum):
    """By what right a person decides."""

    HOLDER = "holder"
    DEPUTY = "deputy"
    DELEGATE = "delegate"
    BREAK_GLASS = "break-glass"


class Standing(Frozen):
    """One person's right to decide in one role; ``of`` is who delegated it."""

    person: str
    role: str
    claim: Claim
    of: str | None = None
    available: bool = True


class Sitting(Frozen):
    """What an answer to "who may?" depends on besides the gate itself.

    *suspects* includes their delegates. *recused* are the requester, the executor and those with a
    conflict of interest, as far as the gate's policy excludes them.
    """

    roster: Roster
    severity: Severity
    suspects: frozenset[str] = frozenset()
    recused: frozenset[str] = frozenset()

    @property
    def excluded(self) -> frozenset[str]:
        """Everyone who may not decide."""
        return self.suspects | self.recused


def standings(
    sitting: Sitting, roles: Iterable[str], step_class: StepClass | None, now: datetime
) -> tuple[Standing, ...]:
    """Return everyone who may decide in one of *roles* at *now*, holders first."""
    found: dict[tuple[str, str], Standing] = {}
    for role in roles:
        for standing in _in_role(sitting, role, step_class, now):
            found.setdefault((standing.person, role), standing)
    return tuple(found.values())


def _in_role(
    sitting: Sitting, role: str, step_class: StepClass | None, now: datetime
) -> Iterator[Standing]:
    roster, excluded = sitting.roster, sitting.excluded
    table = roster.roles.get(role)
    if table is None:
        return
    holders = [person for person in table.primary if person not in excluded]
    for person in holders:
        here = roster.available(person, now)
        yield Standing(person=person, role=role, claim=Claim.HOLDER, available=here)
    if not any(roster.available(person, now) for person in holders):
        for person in table.deputies:
            if person not in excluded:
                here = roster.available(person, now)
                yield Standing(person=person, role=role, claim=Claim.DEPUTY, available=here)
    for made in roster.delegations:
        valid = made.of in holders and made.to not in excluded
        if valid and made.covers(role, step_class, sitting.severity, now):
            here = roster.available(made.to, now)
            claim = Claim.DELEGATE
            yield Standing(person=made.to, role=role, claim=claim, of=made.of, available=here)


def suffices(
    given: Iterable[tuple[str, str]],
    *,
    roles: Sequence[str],
    stand_ins: Sequence[str],
    quorum: int,
    all_roles: bool,
    distinct_persons: bool,
) -> bool:
    """Whether approvals by these (person, role) pairs satisfy a policy.

    With *all_roles* each of *roles* is covered by another approver; an approver of one of the
    *stand_ins*, the rungs that were reached, covers any one of them.
    """
    approvals = sorted(set(given))
    units = sorted(
        {person if distinct_persons else f"{person} {role}" for person, role in approvals}
    )
    if len(units) < quorum:
        return False
    if not all_roles:
        return True
    can_cover: dict[str, list[str]] = {role: [] for role in roles}
    for person, role in approvals:
        unit = person if distinct_persons else f"{person} {role}"
        for covered in roles:
            if role == covered or role in stand_ins:
                can_cover[covered].append(unit)
    return _all_covered(can_cover)


def _all_covered(can_cover: dict[str, list[str]]) -> bool:
    """Whether each role finds an approver of its own: a matching by augmenting paths."""
    taken: dict[str, str] = {}

    def find(role: str, tried: set[str]) -> bool:
        for unit in can_cover[role]:
            if unit not in tried:
                tried.add(unit)
                if unit not in taken or find(taken[unit], tried):
                    taken[unit] = role
                    return True
        return False

    return all(find(role, set()) for role in can_cover)
