"""The quick walk over a run's events stops where the careful reader stops."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.verify.events import READ, Walked, walk
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.history import _check_heads
from schemas.audit.chain import extend
from schemas.audit.wire import Buffer, NotAnEvent, fields, id_and_type, read_event, time_of
from schemas.journal import GENESIS
from tests.unit.test_quick_verifying import checkpoint


def event(number: int, kind: int = 5) -> bytes:
    made = HistoryEvent(event_id=number, event_type=kind)  # type: ignore[arg-type]  # a number is enough
    made.event_time.seconds = 1_800_000_000
    return made.SerializeToString(deterministic=True)


def framed(events: Iterable[bytes]) -> memoryview:
    return memoryview(b"".join(len(one).to_bytes(4, "big") + one for one in events))


def test_a_long_history_is_walked_to_its_end_whatever_its_ids_take() -> None:
    events = [event(number) for number in range(1, 17_000)]
    walked = walk(framed(events), {127, 128, 16_383, 16_384}, bytes(32))
    assert walked.digests == [sha256(one).digest() for one in events]
    assert [number for number, _, _ in walked.noted] == [127, 128, 16_383, 16_384]
    assert (walked.stopped, walked.cut) == (None, False)


@pytest.mark.parametrize("at", [1, 127, 128, 129, 300])
def test_an_event_that_is_missing_doubled_or_none_ends_the_walk_there(at: int) -> None:
    events = [event(number) for number in range(1, 400)]
    for other in ([], [events[at - 1]] * 2, [b""], [b"\xff" * 9], [events[at - 1][:3]]):
        changed = [*events[: at - 1], *other, *events[at:]]
        walked = walk(framed(changed), (), bytes(32))
        assert walked.stopped is not None
        assert len(walked.digests) == at - 1 + (len(other) == 2)


def test_a_last_event_that_is_cut_off_is_told_at_every_byte() -> None:
    whole = framed([event(1), event(2)])
    first = len(event(1)) + 4
    for end in range(first + 1, len(whole)):
        walked = walk(whole[:end], (), bytes(32))
        assert (len(walked.digests), walked.cut) == (1, True)


def test_events_are_walked_over_the_edges_of_what_is_looked_at_together_and_larger_ones_too() -> (
    None
):
    events = [event(n) + b"\xfa\x7f" + _sized(1 << size) for n, size in enumerate(_SIZES, 1)]
    whole = framed(events)
    walked = walk(whole, {3}, bytes(32))
    assert walked.digests == [sha256(one).digest() for one in events]
    assert bytes(walked.noted[0][2]) == events[2]
    for end in (len(whole) - 1, len(whole) - (1 << _SIZES[-1]) - 20):
        cut = walk(whole[:end], (), bytes(32))
        assert (cut.cut, len(cut.digests)) == (True, len(events) - 1)
    claimed = walk(memoryview(bytes(whole) + b"\xff\xff\xff\xff\x08"), (), bytes(32))
    assert (claimed.cut, len(claimed.digests)) == (True, len(events))


_SIZES = (4, 15, 15, 17, 3, 16, 18, 2, 14)


def _sized(size: int) -> bytes:
    """A field of *size* bytes, without its tag."""
    return _varint(size) + b"x" * size


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def test_an_event_without_a_time_or_of_a_large_type_is_read_with_care() -> None:
    bare = b"\x08\x01\x18\x01"
    walked = walk(framed([bare, event(2, kind=300)]), (), bytes(32))
    assert [(number, kind) for number, kind, _ in walked.noted] == [(1, 1)]
    assert len(walked.digests) == 2


def test_the_time_of_an_event_is_read_from_its_head_as_from_the_whole() -> None:
    made = HistoryEvent.FromString(event(300))
    for seconds, nanos in ((0, 0), (1, 0), (0, 999_999_999), (1_800_000_000, 5), (2**40, 1)):
        made.event_time.seconds, made.event_time.nanos = seconds, nanos
        written = made.SerializeToString(deterministic=True)
        assert time_of(written) == read_event(written).seconds == min(seconds, 2**33) + nanos / 1e9
    for cut in (b"", b"\x08", b"\x08\x01\x12", b"\x08\x01\x12\x02\x08"):
        with suppress(NotAnEvent):
            assert time_of(cut) == 0


_KINDS = st.sampled_from([1, 2, 5, 26, 127, 128, 300])
_HOSTILE = st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 3))


@given(st.lists(_KINDS, max_size=300), st.lists(_HOSTILE, max_size=3), st.sets(st.integers(0, 310)))
@settings(deadline=None, max_examples=200)
def test_whatever_is_walked_is_found_as_the_careful_reader_finds_it(
    kinds: list[int], changes: list[tuple[float, bytes, int]], also: set[int]
) -> None:
    written = bytes(framed(event(number, kind) for number, kind in enumerate(kinds, 1)))
    for where, put, instead in changes:
        at = int(where * len(written))
        written = written[:at] + put + written[at + instead :]
    walked = walk(memoryview(written), also, bytes(32))
    stood, noted, stopped, cut = _carefully(written, also)
    digests = [sha256(one).digest() for one in stood]
    assert walked.digests == digests
    assert [(n, kind, bytes(one)) for n, kind, one in walked.noted] == noted
    assert (walked.stopped is None and stopped is None) or bytes(walked.stopped or b"") == stopped
    assert walked.cut == cut
    for number, head in walked.heads.items():
        assert f"sha256:{head.hex()}" == extend(GENESIS, digests[:number])
    assert walked.heads.keys() == {0} | {number for number in also if number <= len(stood)}


def _carefully(
    written: bytes, also: set[int]
) -> tuple[list[bytes], list[tuple[int, int, bytes]], bytes | None, bool]:
    """Events in their places, those to be looked into, what stands where none should, if cut."""
    stood: list[bytes] = []
    noted: list[tuple[int, int, bytes]] = []
    while written:
        size = int.from_bytes(written[:4], "big")
        if len(written) < 4 + size or len(written) < 4:
            return stood, noted, None, True
        one, written = written[4 : 4 + size], written[4 + size :]
        number = len(stood) + 1
        try:
            found, kind = id_and_type(one)
        except NotAnEvent:
            return stood, noted, one, False
        if found != number:
            return stood, noted, one, False
        stood.append(one)
        if kind in READ or number in also:
            noted.append((number, kind, one))
    return stood, noted, None, False


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4), st.booleans())
@settings(deadline=None, max_examples=300)
def test_heads_that_were_met_on_the_way_say_what_chaining_anew_says(
    sealed: list[tuple[int, int]], straight: bool
) -> None:
    digests = [bytes([number]) * 32 for number in range(10)]
    heads = [extend(GENESIS, digests[:number]) for number in range(11)] + [GENESIS] * 2
    if straight:
        sealed = [(upto, upto) for upto, _ in sorted(sealed)]
    bodies = [checkpoint(last_event=upto, head=heads[of], segment=None) for upto, of in sealed]
    known = {n: bytes.fromhex(heads[n][7:]) for n in {0, *(upto for upto, _ in sealed)} if n <= 10}
    walked, quick, slow = Walked(digests, known), Findings(), Findings()
    _check_heads(digests, walked, checkpoint().run, bodies, quick)
    _check_heads(list(digests), walked, checkpoint().run, bodies, slow)
    assert quick == slow
    if straight and all(upto <= 10 for upto, _ in sealed):
        assert not quick.found


_TAGS = st.sampled_from(
    [b"\x08", b"\x12", b"\x18", b"\xd2\x01", b"\x0d", b"\x09", b"\x00", b"\x02"]
)
_PIECES = st.lists(st.one_of(_TAGS, st.binary(max_size=12), st.integers(0, 2**40).map(_varint)))


@given(_PIECES.map(b"".join))
@settings(deadline=None, max_examples=500)
def test_fields_are_read_as_they_are_byte_by_byte(message: bytes) -> None:
    expected = _told(_byte_by_byte, message)
    assert _told(fields, message) == _told(fields, memoryview(message)) == expected


def _told(read: Callable[[Any], object], message: Buffer) -> object:
    try:
        return read(message)
    except NotAnEvent as error:
        return str(error)


def _byte_by_byte(message: bytes) -> list[tuple[int, int | Buffer]]:
    found: list[tuple[int, int | Buffer]] = []
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        if key & 7 == 0:
            size, at = _number(message, at)
            found.append((key >> 3, size))
            continue
        if key & 7 == 2:
            size, at = _number(message, at)
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
        else:
            raise NotAnEvent("a field of an unknown kind")
        if key >> 3 == 0 or at + size > len(message):
            raise NotAnEvent("a field that goes on after the end")
        found.append((key >> 3, message[at : at + size]))
        at += size
    return found


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for nth in range(10):
        if at + nth >= len(message):
            raise NotAnEvent("a number that goes on after the end")
        value |= (message[at + nth] & 0x7F) << 7 * nth
        if message[at + nth] < 0x80:
            return value, at + nth + 1
    raise NotAnEvent("a number that is too long")


@given(st.integers(0, 2**36), st.integers(0, 2**31 - 1), st.binary(min_size=1, max_size=1))
@settings(deadline=None, max_examples=500)
def test_a_time_is_read_as_its_fields_say(seconds: int, nanos: int, other: bytes) -> None:
    time = b"\x08" + _varint(seconds) + b"\x10" + _varint(nanos)
    for said in [time, *(time[:at] + other + time[at + 1 :] for at in range(len(time)))]:
        try:
            read = {number: value for number, value in fields(said) if isinstance(value, int)}
        except NotAnEvent:
            continue  # what is no time at all is refused, or read as none
        written = b"\x08\x01\x12" + bytes([len(said)]) + said + b"\x18\x05"
        expected = min(read.get(1, 0), 2**33) + min(read.get(2, 0), 10**9) / 1e9
        assert time_of(written) == read_event(written).seconds == expected
