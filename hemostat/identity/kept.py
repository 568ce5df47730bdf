"""A small JSON file of the state folder: read often, changed rarely, by several processes.

Mode 0600. A change is made under the kernel's lock and replaces the file whole, so that a reader
never meets half of one and a killed process leaves nothing broken.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from schemas.base import Frozen
from schemas.errors import ConfigurationError

M = TypeVar("M", bound=Frozen)


class Kept(Generic[M]):
    """One file that holds one model; where there is none, the model's defaults."""

    def __init__(self, file: Path, model: type[M]) -> None:
        self.file = file
        self._model = model
        self._seen: tuple[int, int, int] | None = None
        self._content: M | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept."""
        return self.file.exists()

    def read(self) -> M:
        """Return what is kept; the file is read again only when it is another one."""
        try:
            stat = self.file.stat()
        except FileNotFoundError:
            return self._model()
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if self._content is None or seen != self._seen:
            self._content, self._seen = self._parsed(), seen
        return self._content

    def _parsed(self) -> M:
        try:
            return self._model.model_validate_json(self.file.read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"what is kept there cannot be read ({type(error).__name__})",
                where=str(self.file),
                next_step="restore it from a backup, or move it away to begin anew.",
            ) from None

    def change(self, how: Callable[[M], M]) -> M:
        """Keep what *how* makes of what is kept, and return it."""
        with self._alone():
            changed = how(self.read())
            part = self.file.with_name(f"{self.file.name}.part")
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(changed.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.file)
            return changed

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(
            self.file.with_name(f"{self.file.name}.lock"),
            os.O_CREAT | os.O_RDWR | os.O_CLOEXEC,
            0o600,
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def secret_bytes(file: Path) -> bytes:
    """Return the 32 bytes kept in *file*, made at the first call, mode 0600."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    if not file.exists():
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as new:
            new.write(os.urandom(32))
        try:
            os.link(part, file)  # whoever comes first makes it; never replaced
        except FileExistsError:
            pass
        finally:
            part.unlink()
    content = file.read_bytes()
    if len(content) != 32:
        raise ConfigurationError(
            "this is no key of 32 bytes", where=str(file), next_step="move it away; one is made."
        )
    return content
