"""A line of the journal that is read quickly is read as the careful way reads it."""

import io
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemostat.audit.pack.archive import write_archive
from hemostat.audit.pack.reader import BrokenPack, Pack, _as, _entry, _quick_entry, _strict
from schemas.canonical import canonical_json, digest_of
from schemas.journal import GENESIS, Entry, Kind
from tests.unit.test_canonical import values


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


_HOSTILE = [
    b'"a":1.0', b'"a":-0', b'"a":1e0', b'"a":NaN', b'"a":9007199254740992', b'"a":1e16', b'"b":1,"a":1',
    b'"a":1,"a":1', b'"\xc3\xa4":1', b'"a": 1', b'"a":"\\u0041"', b'"a":"\\ud800"', b'"a":0.00001',
    b'"a":' + b"[" * 62 + b"]" * 62, b'"a":' + b"[" * 63 + b"]" * 63, b'"a":{"b":1,"a":1}', b'"a":"\n"',
]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(["a", "b", "digest", "\u00e4"]), values, max_size=3),
    st.sampled_from([*_HOSTILE, b""]),
    st.binary(max_size=2),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=300)
def test_an_entry_is_read_quickly_only_as_it_is_read_slowly(
    data: dict[str, Any], hostile: bytes, other: bytes, random: Random
) -> None:
    entry = _opened(seq=random.randrange(3)).model_dump(mode="json")
    line = canonical_json({**entry, "data": data}).replace(
        b'"data":{', b'"data":{' + hostile + b"," * bool(hostile)
    )
    at = random.randrange(len(line))
    for said in (line, line[:at] + other + line[at + random.randrange(3) :]):
        slow = _or_why(_slowly, said)
        assert _quick_entry(said) in (None, slow)
        assert _or_why(_entry, said) == slow


@pytest.mark.parametrize("hostile", _HOSTILE)
def test_what_is_written_otherwise_within_an_entry_is_not_read_quickly(hostile: bytes) -> None:
    line = canonical_json(_opened(seq=0).model_copy(update={"data": {"c": {}}}))
    assert _quick_entry(line) is not None
    deep_enough = hostile.count(b"[") == 62  # 64 with those around them
    assert (_quick_entry(line.replace(b'"c":{}', hostile)) is not None) == deep_enough


def _slowly(line: bytes, number: int) -> Entry:
    where = f"journal.jsonl:{number + 1}"
    return _as(Entry, _strict(line, where), where)


def _or_why(read: Callable[[bytes, int], Entry], line: bytes) -> object:
    try:
        return read(line, 0)
    except BrokenPack as error:
        return error.code, error.what, error.member


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
