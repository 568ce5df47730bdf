"""10,000 interleavings of decisions from every channel: the gate ends as a simple model says.

Two people approve through the console and the command line, one of them twice; a link from chat is
clicked twice; others forge, replay from another incident, and change what was signed.
"""

import random
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hemostat.keys import SigningKey
from hemostat.speaking import sign
from schemas import signed_statement
from schemas.canonical import digest_of
from schemas.gate import Choice, Decision, GatePolicy, Outcome
from schemas.gate_machine import decide
from schemas.gate_state import GateState
from schemas.signed_statement import Heard, Place, verify
from schemas.speakers import SpeakerKey, SpeakerKeys, holds
from schemas.who import Who

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
GATEWAY, THIEF = (SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2))
KEYS = SpeakerKeys(keys=(SpeakerKey(public=GATEWAY.public),))
HERE = Place("i-1", "r-1", "decide")
INTERLEAVINGS = 10_000


def said(
    person: str,
    role: str,
    channel: str,
    *,
    choice: Choice = Choice.APPROVE,
    key: SigningKey = GATEWAY,
    incident: str = "i-1",
    number: int = 0,
) -> Decision:
    """A decision with its statement."""
    decision = Decision(
        decision_id=f"{person}-{channel}-{number}",
        gate="the-gate",
        nonce="n-1",
        digest=digest_of("shown"),
        choice=choice,
        actor=person,
        role=role,
        reason="seen",
    )
    who = Who(person=person, subject=person, roles=(role,), method="passkey", authenticated_at=NOW)
    return sign(decision, who, key, incident=incident, run="r-1", channel=channel, now=NOW)


def everything() -> list[tuple[Decision, bool]]:
    """What arrives, and whether it is a person's who said it here."""
    one, two = said("ic-1", "commander", "console"), said("ml-1", "ml-lead", "cli")
    chat = said("ic-1", "commander", "chat")
    swapped = one.model_copy(update={"actor": "ml-1", "role": "ml-lead"})
    return [
        (one, True),
        (two, True),
        (chat, True),
        (chat, True),
        (said("ic-2", "commander", "console", choice=Choice.REJECT), True),
        (said("ml-1", "ml-lead", "console", key=THIEF), False),
        (said("ml-1", "ml-lead", "console", incident="i-2"), False),
        (swapped, False),
        (one.model_copy(update={"statement": None}), False),
    ]


def model(arrived: list[tuple[Decision, bool]]) -> tuple[Outcome | None, set[str]]:
    """The gate, written down a second time and differently: two people, until one says no."""
    approved: set[str] = set()
    for decision, genuine in arrived:
        if not genuine:
            continue
        if decision.choice is Choice.REJECT:
            return Outcome.REJECTED, approved
        approved.add(decision.actor)
        if len(approved) == 2:
            return Outcome.APPROVED, approved
    return None, approved


def test_the_gate_ends_as_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ed25519 is pure: each of the few signatures is computed once and not 50,000 times.
    monkeypatch.setattr(signed_statement, "holds", cache(holds))
    monkeypatch.setattr(signed_statement, "read", cache(signed_statement.read))
    dice = random.Random(20261122)
    policy = GatePolicy(id="the-gate", asks="?", roles=("commander", "ml-lead"), quorum=2)
    opened = GateState(policy=policy, nonce="n-1", digest=digest_of("shown"), opened_at=NOW)
    all_of_it, ends = everything(), set()
    for _ in range(INTERLEAVINGS):
        arrived = dice.sample(all_of_it, dice.randint(1, len(all_of_it)))
        state, spent = opened, set[str]()
        for decision, _genuine in arrived:
            answer = verify(decision.statement, decision, HERE, KEYS, NOW, spent)
            if isinstance(answer, Heard):
                spent.add(answer.statement.id)
                state, _ = decide(state, decision, NOW)
        outcome, approved = model(arrived)
        assert state.outcome is outcome
        assert {d.actor for d in state.approvals()} == approved
        ends.add(outcome)
    assert ends == {None, Outcome.APPROVED, Outcome.REJECTED}
