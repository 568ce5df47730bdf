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

from schemas.audit.wire import EventType, NotAnEvent, id_and_type

READ: Final = frozenset(map(int, (EventType.STARTED, EventType.SIGNALED, EventType.COMPLETED)))
"""The types whose contents the record asks about."""

_FRAME: Final = 4
"""Bytes before each event that say how long it is, big-endian."""
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
    digests, noted = walked.digests, walked.noted
    at, number, end = 0, 0, len(content)
    for head, begins in _blocks():
        unpack, width = head.unpack_from, head.size
        for begin in begins:
            number += 1
            try:
                size, said, time = unpack(content, at)
                upto, place = at + _FRAME + size, at + width + time
                kind = content[place + 1]
                plain = said == begin and content[place] == _TYPE and kind < 0x80
            except (TooShort, IndexError):
                if at >= end:
                    return walked
                size = int.from_bytes(content[at : at + _FRAME], "big")
                upto, place, kind, plain = at + _FRAME + size, end, 0, False
            if upto > end:
                walked.cut = True
                return walked
            event = content[at + _FRAME : upto]
            if not plain or place + 1 >= upto:
                kind = _type_of(event, number)
                if kind is None:
                    walked.stopped = event
                    return walked
            digests.append(sha256(event).digest())
            if kind in READ or number in also:
                noted.append((number, kind, event))
            at = upto
    return walked


def _type_of(event: memoryview, number: int) -> int | None:
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
