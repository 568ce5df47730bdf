"""Walks the events of one run in their order, and their chain, as fast as Python goes.

An event is ``08 id 12 length time 18 type ...``: deterministic encoding writes its id and type
first, around its time. 128 ids in a row differ in one byte, so the bytes that each must begin with
are made for 128 at once and compared as they are. Whatever begins otherwise is read with care.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from struct import Struct
from struct import error as TooShort  # noqa: N812 - what it says here
from typing import Final

from schemas.audit.wire import Buffer, EventType, NotAnEvent, id_and_type

READ: Final = frozenset(map(int, (EventType.STARTED, EventType.SIGNALED, EventType.COMPLETED)))
"""The types whose contents the record asks about."""

_FRAME: Final = 4
"""Bytes before each event that say how long it is, big-endian."""
_BLOCK: Final = 1 << 16
"""So many bytes are looked at together; of mapped ones each look costs more than of these."""
_TYPE: Final = 0x18
"""What stands before the type."""

_LOW: Final = [bytes((0x08, low | 0x80)) for low in range(0x80)]
"""How an event with a long id begins, up to the lowest seven bits of that."""
_CARE: Final = bytes(kind in READ or kind >= 0x80 for kind in range(0x100))
"""By the byte of a type: whether the event is to be looked into, or its type goes on behind."""


@dataclass
class Walked:
    """What was seen on the way."""

    digests: list[bytes] = field(default_factory=list)
    """Of each event that stands in its place, in order."""
    heads: dict[int, bytes] = field(default_factory=dict)
    """The chain's head after each event for which it was asked, by that event's number."""
    noted: list[tuple[int, int, Buffer]] = field(default_factory=list)
    """Number, type and bytes of those to be looked into."""
    stopped: memoryview | None = None
    """What is no event or does not stand in its place; the walk ends there."""
    cut: bool = False
    """Whether the last event goes on after the end."""


def walk(content: memoryview, also: Collection[int], raw: bytes) -> Walked:
    """Walk the framed events of *content* and chain them to *raw*, the head before the first.

    Notes those of ``READ`` and those numbered in *also*, and the heads after the latter.
    """
    walked = Walked(heads={0: raw})
    for events, kind, last in _parts(content, also, walked):
        digests = [sha256(event).digest() for event in events]
        for digest in digests:
            raw = sha256(raw + digest).digest()
        walked.digests += digests
        if last:
            walked.heads[last] = raw
            if kind not in READ:
                walked.noted.append((last, kind, events[-1]))
    return walked


def _parts(
    content: memoryview, also: Collection[int], walked: Walked
) -> Iterator[tuple[list[Buffer], int, int]]:
    """Part *content* into events, some at a time, each of which stands in its place.

    With them comes the type of the last of them and, where that is numbered in *also*, its number.
    """
    base, at, kind, care = 0, 0, 0, _CARE
    block = _block(content, 0)
    full = len(block)
    for first, head, begins, last in _stretches(also):
        unpack, width, events = head.unpack_from, head.size, list[Buffer]()
        found = events.append
        for begin in begins:
            try:
                size, said, time = unpack(block, at)
                upto, place = at + _FRAME + size, at + width + time
                if said == begin and block[place] == _TYPE and place + 1 < upto <= full:
                    kind = block[place + 1]
                    if not care[kind]:
                        found(block[at + _FRAME : upto])
                        at = upto
                        continue
            except (TooShort, IndexError):
                if base + at >= len(content):
                    break
            upto = _upto(block, at)
            if upto > full:
                base, at, block = base + at, 0, _block(content, base + at)
                full, upto = len(block), _upto(block, 0)
                walked.cut = upto > full
                if walked.cut:
                    break
            event = block[at + _FRAME : upto]
            read = _noted(event, first + len(events), walked)
            if read is None:
                walked.stopped = content[base + at + _FRAME : base + upto]
                break
            kind = read
            found(event)
            at = upto
        else:
            yield events, kind, last
            continue
        yield events, kind, 0
        return


def _block(content: memoryview, base: int) -> Buffer:
    """What is looked at together from *base* on; a larger event lies in it alone, not copied."""
    size = _FRAME + int.from_bytes(content[base : base + _FRAME], "big")
    if size > _BLOCK:
        return content[base : base + size]
    return bytes(content[base : base + _BLOCK])


def _upto(block: Buffer, at: int) -> int:
    """Where the event of the frame at *at* ends; beyond the block if it is cut off there."""
    if at + _FRAME > len(block):
        return len(block) + 1
    return at + _FRAME + int.from_bytes(block[at : at + _FRAME], "big")


def _noted(event: Buffer, number: int, walked: Walked) -> int | None:
    """The type of *event*, read with care and noted if it is to be; None if it is not *number*."""
    try:
        found, kind = id_and_type(event)
    except NotAnEvent:
        return None
    if found != number:
        return None
    if kind in READ:
        walked.noted.append((number, kind, event))
    return kind


def _stretches(ends: Collection[int]) -> Iterator[tuple[int, Struct, list[bytes], int]]:
    """``_blocks``, parted behind each of *ends*: the first number, and the last if it is an end."""
    waiting, number = iter(sorted(end for end in ends if end > 0)), 1
    end = next(waiting, 0)
    for head, begins in _blocks():
        first, upto = number, number + len(begins)
        while number <= end < upto:
            yield number, head, begins[number - first : end + 1 - first], end
            number, end = end + 1, next(waiting, 0)
        if number < upto:
            yield number, head, begins[number - first :], 0
            number = upto


def _blocks() -> Iterator[tuple[Struct, list[bytes]]]:
    """For 128 ids at a time: how the head of an event is read, and how that of each begins."""
    yield Struct(">I3sB"), [bytes((0x08, low, 0x12)) for low in range(1, 0x80)]
    for high in count(1):
        rest = _varint(high) + b"\x12"
        begins = [low + rest for low in _LOW]
        yield Struct(f">I{2 + len(rest)}sB"), begins


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
