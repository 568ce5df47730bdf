"""A signed statement counts once, here, for its speaker; nothing else verifies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.canonical import digest_of
from schemas.gate import Choice, Decision, Withdrawal
from schemas.signed_statement import (
    Heard,
    Place,
    SignedStatement,
    Unproven,
    certify,
    content_of,
    read,
    seal,
    verify,
)
from schemas.speakers import Certificate, SpeakerKey, SpeakerKeys, kid_of, public_of

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
GATEWAY, OTHER, OWN = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
HERE = Place("feedback-poisoning-1", "run-1", "decide")
DECISION = Decision(
    decision_id="d-1",
    gate="re-enable",
    nonce="n-1",
    digest=digest_of("shown"),
    choice=Choice.APPROVE,
    actor="ic-1",
    role="commander",
    reason="seen",
)


def key_of(private: Ed25519PrivateKey, person: str | None = None, **times: Any) -> SpeakerKey:
    return SpeakerKey(public=public_of(private), person=person, **{"since": LONG_AGO, **times})


def statement(key: Ed25519PrivateKey = GATEWAY, **changes: Any) -> SignedStatement:
    fields: dict[str, Any] = {
        "id": DECISION.decision_id,
        "incident": HERE.incident,
        "run": HERE.run,
        "signal": HERE.signal,
        "content": content_of(HERE.signal, DECISION),
        "gate": DECISION.gate,
        "nonce": DECISION.nonce,
        "digest": DECISION.digest,
        "choice": DECISION.choice,
        "reason": digest_of(DECISION.reason),
        "person": "ic-1",
        "subject": "local:ic-1",
        "role": "commander",
        "method": "passkey",
        "authenticated_at": NOW - timedelta(minutes=5),
        "channel": "console",
        "said_at": NOW,
        "kid": kid_of(public_of(key)),
    }
    return SignedStatement.model_validate(fields | changes)


KEYS = SpeakerKeys(keys=(key_of(GATEWAY),))
SEALED = seal(statement(), GATEWAY)


def heard(envelope: str | None, **how: Any) -> Heard | Unproven:
    given: dict[str, Any] = {"said": DECISION, "place": HERE, "keys": KEYS, "now": NOW, **how}
    return verify(envelope, **given)


def test_what_a_person_said_here_is_heard() -> None:
    answer = heard(SEALED)
    assert isinstance(answer, Heard)
    assert answer.statement.person == "ic-1"
    assert not answer.own_key
    assert answer.keys == KEYS


@given(at=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 6))
def test_no_flipped_bit_verifies(at: int, bit: int) -> None:
    changed = SEALED[:at] + chr(ord(SEALED[at]) ^ (1 << bit)) + SEALED[at + 1 :]
    assert isinstance(heard(changed), Unproven)


@given(st.text(max_size=400) | st.text("hs1c.eyJ2=-_abcdef0123456789", max_size=400))
def test_whatever_stands_in_its_place_is_refused_and_never_raises(text: str) -> None:
    assert isinstance(heard(text), Unproven)
    assert isinstance(heard(SEALED + text), Unproven) or not text


OTHERWISE: dict[str, Any] = {
    "decision_id": "d-2",
    "gate": "false-alarm",
    "nonce": "n-2",
    "digest": digest_of("something else"),
    "choice": Choice.REJECT,
    "actor": "ml-1",
    "role": "ml-lead",
    "reason": "not seen",
}


@given(st.sets(st.sampled_from(sorted(OTHERWISE)), min_size=1))
def test_no_mutation_of_the_signal_verifies(fields: set[str]) -> None:
    changed = DECISION.model_copy(update={name: OTHERWISE[name] for name in fields})
    assert isinstance(heard(SEALED, said=changed), Unproven)


IN_THE_STATEMENT: dict[str, Any] = {
    **{name: value for name, value in OTHERWISE.items() if name in SignedStatement.model_fields},
    "id": "d-2",
    "incident": "feedback-poisoning-2",
    "run": "run-2",
    "signal": "withdraw",
    "content": digest_of("another"),
    "reason": digest_of("another"),
    "person": "ml-1",
    "subject": "local:ml-1",
    "kind": "service",
    "method": "password",
    "authenticated_at": NOW,
    "stepped_up_at": NOW,
    "channel": "cli",
    "said_at": NOW + timedelta(seconds=1),
    "kid": kid_of(public_of(OTHER)),
}


def test_every_field_of_a_statement_is_mutated_below() -> None:
    assert set(IN_THE_STATEMENT) | {"version"} == set(SignedStatement.model_fields)


@given(st.sets(st.sampled_from(sorted(IN_THE_STATEMENT)), min_size=1))
def test_no_mutation_of_the_statement_verifies_under_the_old_signature(fields: set[str]) -> None:
    forged = statement(**{name: IN_THE_STATEMENT[name] for name in fields})
    text = seal(forged, OTHER).rpartition(".")[0] + "." + SEALED.rpartition(".")[2]
    assert heard(text) in (Unproven.BAD_SIGNATURE, Unproven.UNKNOWN_KEY)


@pytest.mark.parametrize(
    ("why", "envelope"),
    [
        (Unproven.NO_STATEMENT, None),
        (Unproven.NO_STATEMENT, ""),
        (Unproven.MALFORMED, "approved, trust me"),
        (Unproven.MALFORMED, "hs1." + "A" * 20_000),
        (Unproven.UNKNOWN_KEY, seal(statement(OTHER), OTHER)),
        (Unproven.BAD_SIGNATURE, seal(statement(GATEWAY), OTHER)),
        (Unproven.OTHER_INCIDENT, seal(statement(incident="another"), GATEWAY)),
        (Unproven.OTHER_RUN, seal(statement(run="another"), GATEWAY)),
        (Unproven.OTHER_SIGNAL, seal(statement(signal="attest"), GATEWAY)),
        (Unproven.OTHER_GATE, seal(statement(gate="false-alarm"), GATEWAY)),
        (Unproven.OTHER_CONTENT, seal(statement(content=digest_of("else")), GATEWAY)),
        (Unproven.OTHER_PERSON, seal(statement(person="ml-1"), GATEWAY)),
        (Unproven.OTHER_ROLE, seal(statement(role="ml-lead"), GATEWAY)),
        (Unproven.NOT_A_PERSON, seal(statement(kind="service"), GATEWAY)),
        (Unproven.NOT_A_PERSON, seal(statement(kind="ai-agent"), GATEWAY)),
        (Unproven.NOT_A_PERSON, seal(statement(kind="auditor"), GATEWAY)),
        (Unproven.TOO_OLD, seal(statement(said_at=NOW - timedelta(hours=2)), GATEWAY)),
        (Unproven.FROM_THE_FUTURE, seal(statement(said_at=NOW + timedelta(hours=1)), GATEWAY)),
    ],
)
def test_a_refusal_says_why(why: Unproven, envelope: str | None) -> None:
    assert heard(envelope) is why


def test_a_statement_is_heard_once() -> None:
    assert heard(SEALED, spent={"d-1"}) is Unproven.USED_BEFORE


def test_a_decision_is_no_withdrawal() -> None:
    said = Withdrawal(
        withdrawal_id="d-1", decision_id="d-0", gate="re-enable", actor="ic-1", reason="seen"
    )
    assert heard(SEALED, said=said, place=HERE._replace(signal="withdraw")) is Unproven.OTHER_SIGNAL
    assert heard(SEALED, said=said) is Unproven.OTHER_ROLE


def test_a_key_speaks_within_its_time_also_for_what_was_said_before() -> None:
    over = SpeakerKeys(keys=(key_of(GATEWAY, until=NOW),))
    early = seal(statement(said_at=NOW - timedelta(minutes=1)), GATEWAY)
    assert heard(SEALED, keys=over) is Unproven.KEY_OUT_OF_TIME
    assert heard(early, keys=over) is Unproven.KEY_OUT_OF_TIME
    assert isinstance(heard(early, keys=over, now=NOW - timedelta(seconds=1)), Heard)


def test_a_persons_own_key_speaks_for_that_person_alone() -> None:
    keys = SpeakerKeys(keys=(key_of(OWN, "ic-1"),))
    own = heard(seal(statement(OWN), OWN), keys=keys)
    assert isinstance(own, Heard)
    assert own.own_key
    assert own.stepped_up
    for_another = DECISION.model_copy(update={"actor": "ml-1"})
    forged = statement(OWN, person="ml-1", content=content_of("decide", for_another))
    assert heard(seal(forged, OWN), keys=keys, said=for_another) is Unproven.NOT_THEIR_KEY


@pytest.mark.parametrize(
    ("minutes", "fresh"), [(0, True), (10, True), (11, False), (-1, False), (None, False)]
)
def test_step_up_holds_for_ten_minutes(minutes: int | None, fresh: bool) -> None:
    at = None if minutes is None else NOW - timedelta(minutes=minutes)
    answer = heard(seal(statement(stepped_up_at=at), GATEWAY))
    assert isinstance(answer, Heard)
    assert answer.stepped_up is fresh


# Rotation


def introduced(by: Ed25519PrivateKey, key: SpeakerKey, *, retires: datetime | None = None) -> str:
    certificate = Certificate(key=key, by=kid_of(public_of(by)), issued_at=NOW, retires=retires)
    return certify(certificate, by)


def test_a_key_that_a_trusted_one_introduces_is_heard_and_remembered() -> None:
    line = introduced(GATEWAY, key_of(OTHER), retires=NOW + timedelta(hours=1))
    answer = heard(seal(statement(OTHER), OTHER, [line]))
    assert isinstance(answer, Heard)
    assert answer.key.kid == kid_of(public_of(OTHER))
    again = heard(seal(statement(OTHER), OTHER), keys=answer.keys)
    assert isinstance(again, Heard)
    later = NOW + timedelta(hours=1)
    old = seal(statement(said_at=later), GATEWAY)
    assert heard(old, keys=answer.keys, now=later) is Unproven.KEY_OUT_OF_TIME


def test_two_rotations_at_once_are_followed() -> None:
    third = Ed25519PrivateKey.generate()
    lines = [introduced(GATEWAY, key_of(OTHER)), introduced(OTHER, key_of(third))]
    assert isinstance(heard(seal(statement(third), third, lines)), Heard)
    opened_between = SpeakerKeys(keys=(key_of(OTHER),))
    assert isinstance(heard(seal(statement(third), third, lines), keys=opened_between), Heard)
    assert heard(seal(statement(third), third, lines[1:])) is Unproven.UNKNOWN_KEY


def test_an_introduction_holds_only_from_a_key_in_its_time_and_for_the_same_speaker() -> None:
    line = introduced(GATEWAY, key_of(OTHER))
    over = SpeakerKeys(keys=(key_of(GATEWAY, until=NOW),))
    assert heard(seal(statement(OTHER), OTHER, [line]), keys=over) is Unproven.BAD_CERTIFICATE
    persons = introduced(GATEWAY, key_of(OWN, "ic-1"))
    assert heard(seal(statement(OWN), OWN, [persons])) is Unproven.BAD_CERTIFICATE
    own = SpeakerKeys(keys=(key_of(OWN, "ic-1"),))
    the_gateways = introduced(OWN, key_of(OTHER))
    assert heard(seal(statement(OTHER), OTHER, [the_gateways]), keys=own) is (
        Unproven.BAD_CERTIFICATE
    )


def test_a_forged_introduction_is_refused() -> None:
    unsigned = Certificate(key=key_of(OTHER), by=kid_of(public_of(GATEWAY)), issued_at=NOW)
    line = certify(unsigned, OTHER)
    assert heard(seal(statement(OTHER), OTHER, [line])) is Unproven.BAD_CERTIFICATE


def test_a_statement_cannot_stand_for_an_introduction() -> None:
    _, payload, signature = SEALED.split(".")
    assert heard(seal(statement(OTHER), OTHER, [f"hc1.{payload}.{signature}"])) is (
        Unproven.MALFORMED
    )


def test_an_auditor_reads_the_envelope_without_any_key() -> None:
    taken = read(SEALED)
    assert taken is not None
    assert taken.statement == statement()


@pytest.mark.parametrize(
    "spelling",
    ["IC-1", "ic-1 ", "ic-1\n", "ic\u20111", "\u0456c-1", "ic-1\u200b", "\uff49c-1"],
)
def test_one_person_in_two_spellings_is_not_two(spelling: str) -> None:
    other = DECISION.model_copy(update={"actor": spelling, "decision_id": "d-2"})
    content = content_of(HERE.signal, other)
    with pytest.raises(ValidationError):
        statement(id="d-2", person=spelling, content=content)
    as_themselves = seal(statement(id="d-2", content=content), GATEWAY)
    assert heard(as_themselves, said=other) is Unproven.OTHER_PERSON
