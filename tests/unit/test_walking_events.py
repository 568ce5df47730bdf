"""The quick walk over a run's events stops where the careful reader stops."""

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256

import pytest
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.verify.events import walk
from schemas.audit.wire import NotAnEvent, read_event, time_of


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


def test_events_are_walked_over_the_edges_of_what_is_looked_at_together_and_larger_ones_too() -> (
    None
):
    events = [event(n) + b"\xfa\x7f" + _sized(1 << size) for n, size in enumerate(_SIZES, 1)]
    whole = framed(events)
    walked = walk(whole, {3})
    assert walked.digests == [sha256(one).digest() for one in events]
    assert bytes(walked.noted[0][2]) == events[2]
    for end in (len(whole) - 1, len(whole) - (1 << _SIZES[-1]) - 20):
        cut = walk(whole[:end], ())
        assert (cut.cut, len(cut.digests)) == (True, len(events) - 1)
    claimed = walk(memoryview(bytes(whole) + b"\xff\xff\xff\xff\x08"), ())
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
    walked = walk(framed([bare, event(2, kind=300)]), ())
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
