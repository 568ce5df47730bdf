"""The quick ways through a pack find what the careful ones find."""

import io
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.pack.archive import write_archive
from hemostat.audit.pack.reader import BrokenPack, Pack
from hemostat.audit.verify.events import walk
from schemas.audit.chain import RunHeader
from schemas.audit.checkpoint import Checkpoint, JournalAt, Outcome, Segment
from schemas.audit.register import KIND, RegisterEntry, What
from schemas.audit.signing import SigningKey, open_envelope, seal
from schemas.audit.strict import NotStrict, is_same, strict_json
from schemas.base import Frozen
from schemas.canonical import canonical_json, digest_of, is_plain_float
from schemas.journal import GENESIS, Entry, Kind
from tests.unit.test_canonical import values


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


@pytest.mark.parametrize("model", [Checkpoint, JournalAt, RegisterEntry, RunHeader, Segment])
def test_what_is_read_most_has_its_fields_in_the_order_of_canonical_json(
    model: type[Frozen],
) -> None:
    assert list(model.model_fields) == sorted(model.model_fields)


@given(values)
@settings(deadline=None, max_examples=300)
def test_whatever_is_canonical_is_read_and_whatever_differs_by_a_byte_is_read_otherwise(
    value: object,
) -> None:
    text = canonical_json(value)
    try:
        assert canonical_json(strict_json(text)) == text
    except NotStrict as error:
        assert error.code == "json-number"  # noqa: PT017 - a whole fraction beyond 2**53 alone
    for at in range(len(text)):
        for changed in (text[:at] + text[at + 1 :], text[:at] + b" " + text[at:]):
            try:
                read = strict_json(changed)
            except NotStrict:
                continue
            assert rfc8785.dumps(read) == changed


@given(st.floats(1e-4, 1e16, exclude_max=True) | st.floats(-1e16, -1e-4, exclude_min=True))
@settings(deadline=None, max_examples=500)
def test_a_fraction_that_is_read_quickly_is_written_as_the_reference_writes_it(
    value: float,
) -> None:
    if is_plain_float(value):
        assert to_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [True]}, {"a": [1]}),
        ({"a": {"b": 0}}, {"a": {"b": False}}),
        ([1], [2]),
        ({"a": None}, {}),
        ({"a": "1"}, {"a": 1}),
    ],
)
def test_truth_is_no_number_and_nothing_is_not_the_same_as_none(one: Any, other: Any) -> None:
    assert is_same(one, one)
    assert not is_same(one, other)
    assert not is_same(other, one)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b'"seq":0', b'"seq":false'),
        (b'"seq":0', b'"seq":"0"'),
        (b',"step":null', b""),
        (b'"step":null', b'"step":0'),
        (b'"says":"', b'"sags":"'),
        (b'"kind":"opened"', b'"kind":"closed!"'),
        (b'"data":{', b'"data":{"\xc3\xa4":1,'),
    ],
)
def test_a_journal_in_any_other_form_is_refused(said: bytes, instead: bytes) -> None:
    line = canonical_json(_opened(seq=0))
    assert said in line
    assert list(_pack(line + b"\n").journal()) == [_opened(seq=0)]
    with pytest.raises(BrokenPack):
        list(_pack(line.replace(said, instead) + b"\n").journal())


def test_the_digest_of_an_entry_is_of_all_but_itself_whatever_it_says() -> None:
    said = _opened(seq=0)
    ((entry, digest),) = _pack(canonical_json(said) + b"\n").digested_journal()
    assert (entry, digest) == (said, digest_of(said.model_dump(exclude={"digest"}, mode="json")))


def _opened(seq: int) -> Entry:
    forged = f',"digest":"{GENESIS}"'
    return Entry(
        seq=seq,
        at="2026-11-23T00:00:00.000000Z",
        kind=Kind.OPENED,
        step=None,
        says=forged,
        data={"digest": GENESIS, "z": [{"a": forged, "digest": GENESIS}]},
        prev=GENESIS,
        digest=GENESIS,
    )


def _pack(journal: bytes) -> Pack:
    file = io.BytesIO()
    write_archive(file, [("journal.jsonl", lambda: [journal])])
    return Pack(file.getvalue(), "p")
