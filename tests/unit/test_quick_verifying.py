"""The quick ways through a pack find what the careful ones find."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from schemas.audit.chain import Link, RunHeader
from schemas.audit.checkpoint import Checkpoint, JournalAt, Outcome, Segment
from schemas.audit.manifest import Manifest
from schemas.audit.register import KIND, RegisterEntry, What
from schemas.audit.signing import SigningKey, open_envelope, seal
from schemas.audit.strict import NotStrict, Ordered, is_same, quickly_as, strict_json
from schemas.base import Frozen
from schemas.canonical import canonical_json, is_plain_float
from schemas.journal import GENESIS
from tests.unit.test_canonical import values


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


@pytest.mark.parametrize(
    "model", [Checkpoint, JournalAt, Manifest, RegisterEntry, RunHeader, Segment]
)
def test_what_is_read_most_has_its_fields_in_the_order_of_canonical_json(
    model: type[Frozen],
) -> None:
    assert list(model.model_fields) == sorted(model.model_fields)


def test_a_message_that_says_it_is_in_order_and_is_not_cannot_be_defined() -> None:
    with pytest.raises(TypeError, match="order of their names"):

        class Unordered(Ordered):
            """Its fields are the wrong way round."""

            b: str
            a: str


def checkpoint(**other: object) -> Checkpoint:
    run = RunHeader(
        first_run="r", incident="i", link=Link.START, number=1, previous_head=GENESIS,
        previous_run=None, run="r",
    )  # fmt: skip
    fields: dict[str, object] = {
        "at": "2026-11-23T00:00:00.000000Z",
        "first_run": "r",
        "gaps": ["gr\u00fc\u00dfe \U0001f600 \x01\u2028"],
        "head": GENESIS,
        "incident": "i",
        "journal": {"head": GENESIS, "length": 0},
        "kid": SigningKey.make().kid,
        "last_event": 7,
        "previous": GENESIS,
        "run": run.model_dump(mode="json"),
        "sealed": {"\U0001f600": GENESIS, "\ufb01": GENESIS, "b": GENESIS, "a": GENESIS},
        "segment": {"digest": GENESIS, "first_event": 1, "size": 9},
        "seq": 3,
        "why": "close",
    }
    return Checkpoint.model_validate(fields | other)


def test_what_is_in_order_writes_itself_as_the_reference_does() -> None:
    for body in (checkpoint(), entry(), checkpoint().run):
        written = canonical_json(body)
        assert written == rfc8785.dumps(body.model_dump(mode="json"))
        assert quickly_as(type(body), written) == body


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b'"seq":3', b'"seq":9007199254740992'),
        (b'"seq":3', b'"seq":3e0'),
        (b'"seq":3', b'"seq":3,"seq":3'),
        (b'"last_event":7', b'"last_event":"7"'),
        (b'"a":"sha256', b'"c":"sha256'),
        (b'"a":"sha256', b'"\\u0061":"sha256'),
        (b'"why":"close"', b'"why":"close" '),
        (b'"outcome":null,', b""),
    ],
)
def test_a_checkpoint_in_any_other_form_is_refused(said: bytes, instead: bytes) -> None:
    stored = seal("checkpoint", checkpoint(), SigningKey.make())
    assert open_envelope("checkpoint", stored, Checkpoint).body.seq == 3
    assert stored.count(said) == 1
    with pytest.raises(NotStrict):
        open_envelope("checkpoint", stored.replace(said, instead), Checkpoint)


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
