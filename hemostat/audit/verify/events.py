"""Walks the events of one run in their order, each with its digest, as fast as Python goes.

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


@dataclass
class Walked:
    """What was seen on the way."""

    digests: list[bytes] = field(default_factory=list)
    """Of each event that stands in its place, in order."""
    noted: list[tuple[int, int, memoryview]] = field(default_factory=list)
    """Number, type and bytes of those to be looked into."""
    stopped: memoryview | None = None
    """What is no event or does not stand in its place; the walk ends there."""
    cut: bool = False
    """Whether the last event goes on after the end."""


def walk(content: memoryview, also: Collection[int]) -> Walked:
    """Walk the framed events of *content*; note those of ``READ`` and those numbered in *also*."""
    walked = Walked()
    digested, noted = walked.digests.append, walked.noted.append
    number, base, at, end = 0, 0, 0, len(content)
    block = _block(content, 0)
    for head, begins in _blocks():
        unpack, width = head.unpack_from, head.size
        for begin in begins:
            number += 1
            try:
                size, said, time = unpack(block, at)
                upto, place = at + _FRAME + size, at + width + time
                kind = block[place + 1]
                plain = said == begin and block[place] == _TYPE and kind < 0x80
            except (TooShort, IndexError):
                if base + at >= end:
                    return walked
                upto, place, kind, plain = _upto(block, at), 0, 0, False
            if upto > len(block):
                base, at = base + at, 0
                block = _block(content, base)
                upto = _upto(block, 0)
                if upto > len(block):
                    walked.cut = True
                    return walked
                plain = False
            event = block[at + _FRAME : upto]
            if not plain or place + 1 >= upto:
                read = _type_of(event, number)
                if read is None:
                    walked.stopped = content[base + at + _FRAME : base + upto]
                    return walked
                kind = read
            digested(sha256(event).digest())
            if kind in READ or number in also:
                noted((number, kind, content[base + at + _FRAME : base + upto]))
            at = upto
    return walked


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


def _type_of(event: Buffer, number: int) -> int | None:
    """The type of *event*, read with care; None if it has another number, or is none."""
    try:
        found, kind = id_and_type(event)
    except NotAnEvent:
        return None
    return kind if found == number else None


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
