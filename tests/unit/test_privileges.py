"""Privilege escalation between each pair of roles: who holds one never speaks in the other.

At the gate, in the statement, and in what the gateway signs.
"""

from datetime import UTC, datetime
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hemostat.keys import SigningKey
from hemostat.speaking import MayNotSpeak, sign
from schemas.canonical import digest_of
from schemas.eligibility import Sitting
from schemas.gate import Choice, Decision, GatePolicy, Refusal
from schemas.gate_machine import decide
from schemas.gate_state import GateState
from schemas.roster import BREAK_GLASS, Person, Role, Roster
from schemas.severity import Severity
from schemas.signed_statement import Place, Unproven, verify
from schemas.speakers import SpeakerKey, SpeakerKeys
from schemas.who import Who

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ROLES = (
    "auditor",
    "ciso",
    "comms",
    "commander",
    "counsel",
    "data-owner",
    "dpo",
    "exec",
    "ml-lead",
    "ml-on-call",
    "scribe",
    "security-on-call",
    "service-owner",
)
PAIRS = list(permutations(ROLES, 2))
HOLDER = {role: f"p{number}" for number, role in enumerate(ROLES)}
ROSTER = Roster(
    people={person: Person() for person in HOLDER.values()},
    roles={role: Role(primary=(person,)) for role, person in HOLDER.items()},
)
SITTING = Sitting(roster=ROSTER, severity=Severity.SEV1)
SHOWN = digest_of("shown")
PLACE = Place("i-1", "r-1", "decide")


def gate(role: str) -> GateState:
    policy = GatePolicy(id="the-gate", asks="Shall we?", roles=(role,))
    return GateState(policy=policy, nonce="n-1", digest=SHOWN, opened_at=NOW)


def said(person: str, role: str) -> Decision:
    return Decision(
        decision_id="d-1",
        gate="the-gate",
        nonce="n-1",
        digest=SHOWN,
        choice=Choice.APPROVE,
        actor=person,
        role=role,
        reason="seen",
    )


def who(role: str) -> Who:
    return Who(
        person=HOLDER[role],
        subject=f"local:{HOLDER[role]}",
        roles=(role,),
        method="passkey",
        authenticated_at=NOW,
        kind="auditor" if role == "auditor" else "person",
    )


@pytest.mark.parametrize("role", ROLES)
def test_who_holds_the_role_decides(role: str) -> None:
    _, refusal = decide(gate(role), said(HOLDER[role], role), NOW, SITTING)
    assert refusal is None


@pytest.mark.parametrize(("held", "asked"), PAIRS)
def test_who_holds_one_role_does_not_decide_in_the_other(held: str, asked: str) -> None:
    for claimed in (asked, held, BREAK_GLASS):
        after, refusal = decide(gate(asked), said(HOLDER[held], claimed), NOW, SITTING)
        assert refusal is Refusal.NOT_THE_ROLE
        assert not after.decisions


@pytest.mark.parametrize(("held", "asked"), PAIRS)
def test_a_statement_of_one_role_does_not_serve_the_other(held: str, asked: str) -> None:
    key = SigningKey(Ed25519PrivateKey.generate())
    keys = SpeakerKeys(keys=(SpeakerKey(public=key.public),))
    if held == "auditor":
        return  # has none, see below
    own = said(HOLDER[held], held)
    statement = sign(
        own, who(held), key, incident="i-1", run="r-1", channel="cli", now=NOW
    ).statement
    for actor, role, why in (
        (HOLDER[held], asked, Unproven.OTHER_ROLE),
        (HOLDER[asked], held, Unproven.OTHER_PERSON),
        (HOLDER[asked], asked, Unproven.OTHER_PERSON),
    ):
        assert verify(statement, said(actor, role), PLACE, keys, NOW) is why


@pytest.mark.parametrize(("held", "asked"), PAIRS)
def test_the_gateway_signs_nothing_in_a_role_that_is_not_ones_own(held: str, asked: str) -> None:
    key = SigningKey(Ed25519PrivateKey.generate(), judges_roles=True)
    for actor, role in ((HOLDER[held], asked), (HOLDER[asked], asked), (HOLDER[asked], held)):
        with pytest.raises(MayNotSpeak):
            sign(said(actor, role), who(held), key, incident="i", run="r", channel="c", now=NOW)


def test_an_auditor_has_nothing_signed_also_in_their_own_role() -> None:
    key = SigningKey(Ed25519PrivateKey.generate())
    own = said(HOLDER["auditor"], "auditor")
    with pytest.raises(MayNotSpeak):
        sign(own, who("auditor"), key, incident="i", run="r", channel="c", now=NOW)
