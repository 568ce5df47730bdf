"""A small reading of Temporal's events from their bytes, without Temporal's or any protobuf code.

A verifier hashes the bytes as they are. Where it needs contents, it reads the few fields below by
their numbers in ``temporal.api.history.v1.HistoryEvent``; everything else is skipped, not trusted.
"""

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

Buffer = bytes | memoryview


class NotAnEvent(ValueError):
    """The bytes are no protobuf message, or no event."""


class EventType(IntEnum):
    """Those of ``temporal.api.enums.v1.EventType`` that the record asks about."""

    STARTED = 1
    COMPLETED = 2
    FAILED = 3
    TIMED_OUT = 4
    ACTIVITY_SCHEDULED = 10
    ACTIVITY_COMPLETED = 12
    CANCELED = 21
    SIGNALED = 26
    TERMINATED = 27
    CONTINUED_AS_NEW = 28
    UPSERT_ATTRIBUTES = 40


_ATTRIBUTES: Final = {1: 6, 2: 7, 10: 15, 12: 17, 26: 26, 28: 33, 40: 45}
"""The field that holds the attributes, by event type."""


_IS_PLAIN: Final = b"\x0a\x08encoding\x12\x0ajson/plain"
"""The entry of a payload's metadata that says it is plain JSON."""

_MORE_OF_FOUR: Final = 0x80 + (0x80 << 7) + (0x80 << 14)
"""What in a number of four bytes says that it goes on, and is not of the number."""
_MORE_OF_FIVE: Final = _MORE_OF_FOUR + (0x80 << 21)
_HEAD: Final = 12
"""More than an id, its tag and the head of a time take."""


def fields(message: Buffer) -> list[tuple[int, int | Buffer]]:
    """Return each field of *message* with its number: integers, or the bytes of what is within."""
    found: list[tuple[int, int | Buffer]] = []
    at, end = 0, len(message)
    try:
        while at < end:
            key, at = message[at], at + 1
            if key >= 0x80:
                key, at = _longer(message, at)
            kind = key & 7
            if kind in (0, 2):
                value, at = message[at], at + 1
                if value >= 0x80:
                    value, at = _longer(message, at)
                if kind == 0:
                    found.append((key >> 3, value))
                    continue
            elif kind in (1, 5):
                value = 8 if kind == 1 else 4
            else:
                raise NotAnEvent("a field of an unknown kind")
            upto = at + value
            if key < 8 or upto > end:
                raise NotAnEvent("a field that goes on after the end")
            found.append((key >> 3, message[at:upto]))
            at = upto
    except IndexError:
        raise NotAnEvent("a number that goes on after the end") from None
    return found


def _longer(message: Buffer, at: int) -> tuple[int, int]:
    """The number whose first byte, which is not its last, stands before *at*; ``IndexError``."""
    low, next_ = message[at - 1], message[at]
    if next_ < 0x80:
        return low - 0x80 + (next_ << 7), at + 1
    return _varint(message, at - 1)


def _varint(message: Buffer, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(message):
            raise NotAnEvent("a number that goes on after the end")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise NotAnEvent("a number that is too long")


@dataclass(slots=True)
class Event:
    """What is read of one event."""

    id: int
    type: int
    seconds: float
    """Its time, since 1970."""
    attributes: Buffer
    _read: dict[int, Buffer] | None = None

    def text(self, number: int) -> str:
        """Return a text field of the attributes; empty if there is none."""
        return bytes(self._held().get(number, b"")).decode("utf-8", "replace")

    def payloads(self, number: int) -> list[Any]:
        """Return the values of a ``Payloads`` field; those that are not plain JSON as None."""
        return [value_of(text) for text in self.texts(number)]

    def texts(self, number: int) -> list[bytes | None]:
        """Return the JSON of a ``Payloads`` field, not yet read; None for what is not plain JSON."""
        held = self._held().get(number, b"")
        return [_plain_json(bytes(p)) for n, p in fields(held) if n == 1 and not isinstance(p, int)]

    def mapped(self, number: int) -> dict[str, Any]:
        """Return the payloads of a field that holds one map of them, such as search attributes."""
        entries = [e for n, e in fields(self._held().get(number, b"")) if n == 1]
        pairs = [_firsts(entry) for entry in entries if not isinstance(entry, int)]
        return {
            bytes(pair.get(1, b"")).decode("utf-8", "replace"): value_of(
                _plain_json(bytes(pair.get(2, b"")))
            )
            for pair in pairs
        }

    def _held(self) -> dict[int, Buffer]:
        if self._read is None:
            self._read = _firsts(self.attributes)
        return self._read


def read_event(event: Buffer) -> Event:
    """Return what is read of *event*; raise ``NotAnEvent`` if it is none."""
    id_ = kind = 0
    rest: dict[int, Buffer] = {}
    for number, value in fields(event):
        if not isinstance(value, int):
            rest[number] = value
        elif number == 1:
            id_ = value
        elif number == 3:
            kind = value
    if id_ < 1 or kind < 1:
        raise NotAnEvent("it has no id or no type")
    return Event(id_, kind, _seconds(rest.get(2, b"")), rest.get(_ATTRIBUTES.get(kind, 0), b""))


def time_of(event: Buffer) -> float:
    """Return the time of *event*, in seconds since 1970; 0 if it has none."""
    if len(event) > _HEAD and event[0] == 0x08:  # as deterministic encoding begins
        _, at = _varint(event, 1)
        size = event[at + 1] if at + 1 < _HEAD and event[at] == 0x12 else 0x80
        if size < 0x80 and at + 2 + size <= len(event):
            return _seconds(event[at + 2 : at + 2 + size])
    for number, value in fields(event):
        if number == 2 and not isinstance(value, int):
            return _seconds(value)
    return 0


def _seconds(timestamp: Buffer) -> float:
    seconds = nanos = 0
    if len(timestamp) == 12:  # as most are until 2105: each byte at once
        tag, a, b, c, d, e, then, f, g, h, i, j = timestamp
        if tag == 0x08 and then == 0x10 and a & b & c & d & f & g & h & i >= 0x80 > e | j:
            seconds = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _MORE_OF_FIVE
            nanos = f + (g << 7) + (h << 14) + (i << 21) + (j << 28) - _MORE_OF_FIVE
            return min(seconds, 2**33) + min(nanos, 10**9) / 1e9
    elif len(timestamp) == 11:
        tag, a, b, c, d, e, then, f, g, h, i = timestamp
        if tag == 0x08 and then == 0x10 and a & b & c & d & f & g & h >= 0x80 > e | i:
            seconds = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _MORE_OF_FIVE
            nanos = f + (g << 7) + (h << 14) + (i << 21) - _MORE_OF_FOUR
            return min(seconds, 2**33) + nanos / 1e9
    for number, value in fields(timestamp):
        if isinstance(value, int):
            seconds, nanos = (
                (value, nanos) if number == 1 else (seconds, value if number == 2 else nanos)
            )
    return min(seconds, 2**33) + min(nanos, 10**9) / 1e9


def id_and_type(event: Buffer) -> tuple[int, int]:
    """Return id and type of *event*, which deterministic encoding writes first, around its time."""
    try:
        if event[0] != 0x08:
            raise NotAnEvent("it does not begin with an id")
        id_, at = _varint(event, 1)
        if event[at] == 0x12:
            at += 2 + event[at + 1]  # a time takes less than 128 bytes
        if event[at] != 0x18:
            raise NotAnEvent("it has no type where an event has one")
        return id_, _varint(event, at + 1)[0]
    except IndexError:
        raise NotAnEvent("it ends too early") from None


def _firsts(message: Buffer) -> dict[int, Buffer]:
    """The first of each field that holds bytes."""
    found: dict[int, Buffer] = {}
    for number, value in fields(message):
        if not isinstance(value, int) and number not in found:
            found[number] = value
    return found


def _plain_json(payload: bytes) -> bytes | None:
    """The data of *payload*; None if it is not encoded as plain JSON."""
    encoding, data = b"", b""
    for number, value in fields(payload):
        if isinstance(value, int):
            continue
        if number == 1 and value == _IS_PLAIN:  # as nearly all are
            encoding = b"json/plain"
        elif number == 1:
            entry = _firsts(value)
            if bytes(entry.get(1, b"")) == b"encoding":
                encoding = bytes(entry.get(2, b""))
        elif number == 2:
            data = bytes(value)
    return data if encoding == b"json/plain" else None


def value_of(text: bytes | None) -> Any:
    """Return the value of a payload's *text*; None where it is none, or no JSON."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
