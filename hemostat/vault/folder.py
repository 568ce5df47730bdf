"""Evidence in a folder: each item a file, written whole or not at all, and never replaced.

Law: a file under its final name is complete and on disk. Content is written under a temporary
name, synced, and linked into place; a link never replaces, so whoever comes second with the same
content finds it there. No lock is held over content, any number of processes may put at once, and
a kill at any moment leaves at most a temporary file in ``incoming/``.

    sha256/ab/abcd...   the bytes, mode 0444
    ledger.jsonl        one EvidenceItem for each put, appended: what, from where, how, when

The ledger survives a killed process, but is not synced against a loss of power.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar


class FolderKeep:
    """One folder, made when first written to."""

    locks: ClassVar[bool] = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def prepare(self) -> None:
        """A folder is made when it is needed."""

    def write(self, name: str, content: bytes) -> bool:
        """Keep *content* durably; False if something is there already."""
        final = self._path(name)
        if final.exists():
            return False
        temporary = self._incoming() / f"{final.name}.{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
            if not final.parent.exists():
                final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _sync(final.parent.parent)
            with suppress(FileExistsError):  # someone else was faster with the same content
                final.hardlink_to(temporary)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(final.parent)
        return True

    def read(self, name: str) -> bytes | None:
        """Return what is kept under *name*, or None."""
        with suppress(FileNotFoundError):
            return self._path(name).read_bytes()
        return None

    def has(self, name: str) -> bool:
        """Whether something lies under *name*."""
        return self._path(name).is_file()

    def enter(self, line: bytes) -> None:
        """Append *line* to the ledger."""
        path = self.folder / "ledger.jsonl"
        ledger = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(ledger, fcntl.LOCK_EX)  # bound to this open file: closing lets go
            size = os.fstat(ledger).st_size
            cut_off = size and os.pread(ledger, 1, size - 1) != b"\n"
            os.write(ledger, (b"\n" if cut_off else b"") + line + b"\n")  # do not join its line
        finally:
            os.close(ledger)

    def lines(self) -> Iterator[bytes]:
        """Yield the ledger's lines, in the order of putting."""
        with suppress(FileNotFoundError), (self.folder / "ledger.jsonl").open("rb") as lines:
            yield from lines

    def check(self) -> list[str]:
        """Say what keeps the folder from taking evidence; empty: nothing."""
        try:
            self._incoming()
        except OSError as error:
            return [f"The vault folder {self.folder} cannot be made ({error.strerror})."]
        if not os.access(self.folder, os.W_OK | os.X_OK):
            return [f"The vault folder {self.folder} cannot be written to."]
        return []

    def _incoming(self) -> Path:
        incoming = self.folder / "incoming"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        incoming.mkdir(mode=0o700, exist_ok=True)
        return incoming

    def _path(self, name: str) -> Path:
        return self.folder / "sha256" / name[:2] / name


def _sync(folder: Path) -> None:
    """Make the names in *folder* durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
