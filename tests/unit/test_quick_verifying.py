"""The quick ways through a pack find what the careful ones find."""

from collections.abc import Iterable
from hashlib import sha256

import pytest
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.verify.events import walk
from schemas.audit.checkpoint import Outcome
from schemas.audit.register import KIND, RegisterEntry, What
from schemas.audit.signing import SigningKey, open_envelope, seal
from schemas.audit.strict import NotStrict, strict_json
from schemas.canonical import canonical_json
from schemas.journal import GENESIS


def event(number: int, kind: int = 5) -> bytes:
    made = HistoryEvent(event_id=number, event_type=kind)  # type: ignore[arg-type]  # a number is enough
    made.event_time.seconds = 1_800_000_000
    return made.SerializeToString(deterministic=True)


def framed(events: Iterable[bytes]) -> memoryview:
    return memoryview(b"".join(len(one).to_bytes(4, "big") + one for one in events))


def test_a_long_history_is_walked_to_its_end_whatever_its_ids_take() -> None:
    events = [event(number) for number in range(1, 17_000)]
    walked = walk(framed(events), {127, 128, 16_383, 16_384})
    assert walked.digests == [sha256(one).digest() for one in events]
    assert [number for number, _, _ in walked.noted] == [127, 128, 16_383, 16_384]
    assert (walked.stopped, walked.cut) == (None, False)


@pytest.mark.parametrize("at", [1, 127, 128, 129, 300])
def test_an_event_that_is_missing_doubled_or_none_ends_the_walk_there(at: int) -> None:
    events = [event(number) for number in range(1, 400)]
    for other in ([], [events[at - 1]] * 2, [b""], [b"\xff" * 9], [events[at - 1][:3]]):
        changed = [*events[: at - 1], *other, *events[at:]]
        walked = walk(framed(changed), ())
        assert walked.stopped is not None
        assert len(walked.digests) == at - 1 + (len(other) == 2)


def test_a_last_event_that_is_cut_off_is_told_at_every_byte() -> None:
    whole = framed([event(1), event(2)])
    first = len(event(1)) + 4
    for end in range(first + 1, len(whole)):
        walked = walk(whole[:end], ())
        assert (len(walked.digests), walked.cut) == (1, True)


def test_an_event_without_a_time_or_of_a_large_type_is_read_with_care() -> None:
    bare = b"\x08\x01\x18\x01"
    walked = walk(framed([bare, event(2, kind=300)]), ())
    assert [(number, kind) for number, kind, _ in walked.noted] == [(1, 1)]
    assert len(walked.digests) == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a":1,"a":1}', "json-duplicate-key"),
        (b'{"b":1,"a":1}', "json-not-canonical"),
        (b'{"a": 1}', "json-not-canonical"),
        (b'{"a":1.0}', "json-not-canonical"),
        (b'{"a":-0}', "json-not-canonical"),
        (b'{"a":"\\u0041"}', "json-not-canonical"),
        (b'{"a":"\\ud800"}', "json-number"),
        (b'{"a":NaN}', "json-number"),
        (b'{"a":9007199254740992}', "json-number"),
        (b"[" * 65 + b"]" * 65, "json-too-deep"),
        (b'{"a":', "json-syntax"),
        (b'{"a":1}\n', "json-not-canonical"),
    ],
)
def test_what_is_not_canonical_is_refused_by_the_same_name(text: bytes, code: str) -> None:
    with pytest.raises(NotStrict) as refused:
        strict_json(text)
    assert refused.value.code == code


@pytest.mark.parametrize("value", [{"a": 0.5, "b": [None, True]}, {"\u00e4": 1e21}, {"a": 1e-7}])
def test_what_is_canonical_is_read_quickly_or_not(value: object) -> None:
    assert strict_json(canonical_json(value)) == value


def entry(**other: object) -> RegisterEntry:
    moment = "2026-11-23T00:00:00.000000Z"
    fields: dict[str, object] = {
        "seq": 0,
        "previous": GENESIS,
        "at": moment,
        "kid": SigningKey.make().kid,
        "what": What.CLOSED,
        "incident": "i",
        "first_run": "r",
        "playbook": "p",
        "drill": True,
        "opened_at": moment,
        "outcome": Outcome.COMPLETED,
    }
    return RegisterEntry.model_validate(fields | other)


@pytest.mark.parametrize("incident", ["plain", "gr\u00fc\u00dfe \U0001f600"])
def test_an_envelope_is_opened_with_the_bytes_that_were_signed(incident: str) -> None:
    body = entry(incident=incident)
    opened = open_envelope(KIND, seal(KIND, body, SigningKey.make()), RegisterEntry)
    assert (opened.body, opened.content) == (body, canonical_json(body))


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b'"drill":true', b'"drill":1'),
        (b'"seq":0', b'"seq":false'),
        (b'"seq":0', b'"seq":"0"'),
        (b'"seq":0', b'"seq":0.0'),
        (b'"checkpoints":null,', b""),
        (b'{"body":', b'{"body":{},"body":'),
        (b'"}', b'="}'),
    ],
)
def test_an_envelope_in_any_other_form_is_refused(said: bytes, instead: bytes) -> None:
    stored = seal(KIND, entry(), SigningKey.make())
    assert said in stored
    with pytest.raises(NotStrict):
        open_envelope(KIND, stored.replace(said, instead), RegisterEntry)
