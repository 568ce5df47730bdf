"""Who read a restricted incident: one line for each read, appended and synced before the answer.

Law: a read that cannot be recorded does not take place. The file is only ever appended to:

    reads.jsonl   {"at", "incident", "kind", "method", "person", "subject", "what"}, mode 0600
"""

import asyncio
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.audit.reads import Read
from schemas.canonical import canonical_json
from schemas.errors import SystemUnreachable
from schemas.who import Who

FILE: Final = "reads.jsonl"


class Reads:
    """The record of reads in one state folder, which any number of processes append to."""

    def __init__(self, state: Path) -> None:
        self.file = state / FILE

    async def note(self, who: Who, incidents: list[str], what: str) -> None:
        """Record that *who* is about to read *incidents*; raises ``SystemUnreachable``."""
        now = datetime.now(UTC)
        lines = b"".join(
            canonical_json(
                Read(
                    at=now,
                    person=who.person,
                    subject=who.subject,
                    kind=who.kind,
                    method=who.method,
                    incident=incident,
                    what=what,
                )
            )
            + b"\n"
            for incident in incidents
        )
        if not lines:
            return
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            raise SystemUnreachable(
                f"the read cannot be recorded ({error.strerror})",
                where=FILE,
                next_step="see that the state folder can be written to.",
            ) from error

    def _append(self, lines: bytes) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(self.file, flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # the last writer was cut off: do not join its line
            os.write(handle, lines)
            os.fsync(handle)
        finally:
            os.close(handle)
