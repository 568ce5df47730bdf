"""A write-once store in a folder: files that appear whole, are read-only, and are never replaced.

The discipline is ours alone: who may write to the folder as its owner can still delete. Put it on
storage that refuses that (a mount of another host, a snapshotting file system), or use S3 with
Object Lock; docs/explanation/threat-model.md says what each withstands.
"""

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from schemas.errors import SystemUnreachable

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*){1,3}")


class FolderStore:
    """Keeps each name as a file, mode 0444, synced before it has its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, content: bytes) -> bool:
        """Keep *content*; a link never replaces, so whoever comes second finds it taken."""
        final = self._path(name)
        if final.exists():
            return False
        begun = self.folder / "incoming" / secrets.token_hex(12)
        try:
            self._make(begun.parent)
            self._make(final.parent)
            try:
                with begun.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(file.fileno(), 0o444)
                    os.fsync(file.fileno())
                try:
                    final.hardlink_to(begun)
                except FileExistsError:
                    return False
                _sync(final.parent)
            finally:
                begun.unlink(missing_ok=True)
        except OSError as error:
            raise SystemUnreachable(
                f"the audit store cannot be written ({error.strerror})",
                where=str(self.folder),
                next_step="check its permissions and free space.",
            ) from error
        return True

    def get(self, name: str) -> bytes | None:
        """Return the file's bytes, or None."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SystemUnreachable(
                f"the audit store cannot be read ({error.strerror})", where=str(self.folder)
            ) from error

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of the files in *folder*."""
        try:
            return sorted(f"{folder}/{found.name}" for found in os.scandir(self.folder / folder))
        except FileNotFoundError:
            return []

    def check(self) -> list[str]:
        """Whether the folder can be made and written to."""
        try:
            self._make(self.folder)
        except OSError as error:
            return [f"The audit store {self.folder} cannot be made ({error.strerror})."]
        if not os.access(self.folder, os.W_OK | os.X_OK):
            return [f"The audit store {self.folder} cannot be written to."]
        return []

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("not a name of the store")
        return self.folder / name

    def _make(self, folder: Path) -> None:
        """Make *folder*, each new level synced into the one above."""
        missing = [f for f in (folder, *folder.parents) if not f.exists()]
        for new in reversed(missing):
            new.mkdir(mode=0o700, exist_ok=True)
            _sync(new.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
