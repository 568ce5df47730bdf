"""A zip file in one form: given the members, every byte of it is determined, so none can hide.

Members are stored, not compressed (so nothing can swell when read), in the order of their names,
dated 1980-01-01, without extras, comments or gaps; names are ASCII of a closed alphabet. A reader
refuses what is not exactly so, and then there is nothing that two readers could see differently.
Any zip tool opens it. At most 4 GiB.
"""

import mmap
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}(/[a-z0-9][a-z0-9_.-]{0,99}){0,3}")
MOST_MEMBERS: Final = 60_000
MOST_BYTES: Final = 2**32 - 1

_LOCAL: Final = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END: Final = struct.Struct("<4sHHHHLLH")
_DATE: Final = 0x0021
"""1980-01-01, the first day that zip knows."""
_MODE: Final = 0o100444 << 16
"""A regular file, read-only."""
_CHUNK: Final = 1 << 20

Content = Callable[[], Iterable[bytes]]
"""Gives a member's bytes; called twice, and gives the same both times."""


class NotAnArchive(ValueError):
    """The file is not in the one form; ``code`` names what is wrong."""

    def __init__(self, code: str, says: str, member: str = "") -> None:
        super().__init__(says)
        self.code = code
        self.member = member


@dataclass(frozen=True)
class Stored:
    """One member as it lies in the file."""

    name: str
    content: memoryview


def write_archive(file: BinaryIO, members: Sequence[tuple[str, Content]]) -> None:
    """Write *members*, whose names are in order, to *file*, holding one chunk in memory.

    ``ValueError`` for a name that cannot be, a name twice, or more than fits.
    """
    names = [name for name, _ in members]
    if names != sorted(set(names)) or not all(NAME.fullmatch(name) for name in names):
        raise ValueError("the names of a pack's members are unique, in order and plain")
    at, directory = 0, bytearray()
    for name, content in members:
        size = crc = 0
        for chunk in content():
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        local, central = _headers(name, size, crc, at)
        if at + len(local) + size + len(directory) + len(central) > MOST_BYTES - _END.size:
            raise ValueError("a pack holds at most 4 GiB: leave evidence by reference")
        file.write(local)
        for chunk in content():
            file.write(chunk)
        at += len(local) + size
        directory += central
    file.write(directory)
    file.write(_end(len(members), len(directory), at))


def read_archive(file: bytes | mmap.mmap) -> dict[str, Stored]:
    """Return the members of *file* in order; raise ``NotAnArchive`` if it is not in the one form."""
    view = memoryview(file)
    members: dict[str, Stored] = {}
    at, directory, last = 0, bytearray(), ""
    for name, start, content, crc in _locals(view):
        if name <= last:
            said = "the member is there twice" if name in members else "the names are out of order"
            raise NotAnArchive("zip-duplicate" if name in members else "zip-order", said, name)
        if zlib.crc32(content) != crc:
            raise NotAnArchive("zip-checksum", "the member's bytes are not those written", name)
        members[name] = Stored(name, content)
        directory += _headers(name, len(content), crc, start)[1]
        at, last = start + _LOCAL.size + len(name) + len(content), name
        if len(members) > MOST_MEMBERS:
            raise NotAnArchive("zip-members", "it has more members than any pack")
    rest = bytes(view[at : at + len(directory) + _END.size + 1])
    if rest != bytes(directory) + _end(len(members), len(directory), at):
        raise NotAnArchive(
            "zip-directory", "the directory at the end does not list exactly what is in the file"
        )
    return members


def map_file(path: Path) -> bytes | mmap.mmap:
    """Return the bytes of *path* without reading them all at once."""
    with path.open("rb", buffering=0) as file:
        if not file.seek(0, 2):
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _locals(view: memoryview) -> Iterator[tuple[str, int, memoryview, int]]:
    """Walk the local headers: name, where it starts, content, checksum."""
    at = 0
    while bytes(view[at : at + 4]) == b"PK\x03\x04":
        if at + _LOCAL.size > len(view):
            raise NotAnArchive("zip-truncated", "it ends within a header")
        head = _LOCAL.unpack(view[at : at + _LOCAL.size])
        crc, size, full, length = head[6], head[7], head[8], head[9]
        raw = bytes(view[at + _LOCAL.size : at + _LOCAL.size + length])
        name = raw.decode("ascii", "backslashreplace")
        _refuse_header(name, head)
        start = at + _LOCAL.size + length
        if size != full or start + size > len(view):
            raise NotAnArchive("zip-truncated", "the member goes on after the end", name)
        yield name, at, view[start : start + size], crc
        at = start + size
    if at == 0:
        raise NotAnArchive("zip-none", "it is no zip file, or something stands before its members")


def _refuse_header(name: str, head: tuple[int, ...]) -> None:
    if not NAME.fullmatch(name) or len(name) != head[9]:
        code = "zip-path" if ".." in name or name.startswith(("/", "\\")) else "zip-name"
        raise NotAnArchive(code, "a member's name is not one that a pack has", ascii(name)[:120])
    if head[3] != 0 or head[2] & 1:
        said = "the member is compressed or encrypted; a pack's are stored as they are"
        raise NotAnArchive("zip-compressed", said, name)
    if (head[1], head[2], head[4], head[5], head[10]) != (20, 0, 0, _DATE, 0):
        raise NotAnArchive("zip-header", "the member's header is not in the one form", name)


def _headers(name: str, size: int, crc: int, at: int) -> tuple[bytes, bytes]:
    raw = name.encode("ascii")
    local = _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, _DATE, crc, size, size, len(raw), 0)
    made_by = 20 | 3 << 8  # Unix, so that the mode is read as one
    central = _CENTRAL.pack(
        b"PK\x01\x02", made_by, 20, 0, 0, 0, _DATE, crc, size, size, len(raw), 0, 0, 0, 0, _MODE, at
    )
    return local + raw, central + raw


def _end(count: int, size: int, at: int) -> bytes:
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, size, at, 0)


def in_chunks(content: bytes) -> Iterator[bytes]:
    """Yield *content* piece by piece."""
    for at in range(0, len(content), _CHUNK):
        yield content[at : at + _CHUNK]
