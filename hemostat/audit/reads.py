"""Who read a restricted incident, out of the gateway's record of reads, for the close to seal.

Law: what cannot be had is declared. Reads of an incident that is not restricted are not recorded,
and those after the close are in no pack.
"""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.audit.reads import Read
from schemas.base import Frozen
from schemas.canonical import canonical_json

_NOT_HERE = (
    "who read it is not known here: where the sealer runs there is no record of reads, because "
    "nobody has read a restricted incident or because the gateway is on another host"
)


class ReadsFound(Frozen):
    """The reads of one incident, and what could not be had."""

    reads: tuple[Read, ...] | None = None
    """None: there is no record of reads, or no read of it."""
    gaps: tuple[str, ...] = ()

    @property
    def lines(self) -> bytes:
        """As ``reads.jsonl`` holds them."""
        return b"".join(canonical_json(read) + b"\n" for read in self.reads or ())


def reads_of(file: Path | None, incident: str, since: datetime, *, restricted: bool) -> ReadsFound:
    """Return the reads of *incident* since it was opened; calls block.

    Of a *restricted* one it is declared when the record of reads is not where the sealer is.
    """
    try:
        found, broken = _matching(file, incident, since)
    except OSError as error:
        if not restricted:
            return ReadsFound()
        return ReadsFound(gaps=(f"{_NOT_HERE} ({error.strerror})",))
    gap = f"{broken} lines of the record of reads could not be read"
    gaps = (gap,) if broken and restricted else ()
    return ReadsFound(reads=tuple(found) if found or restricted else None, gaps=gaps)


def _matching(file: Path | None, incident: str, since: datetime) -> tuple[list[Read], int]:
    if file is None:
        raise FileNotFoundError(2, "none was named")
    found, broken, named = list[Read](), 0, incident.encode()
    with file.open("rb") as lines:
        for line in lines:
            if named not in line and line.endswith(b"}\n"):
                continue
            try:
                read = Read.model_validate_json(line)
            except ValidationError:
                broken += bool(line.strip())
                continue
            if read.incident == incident and read.at >= since:
                found.append(read)
    return found, broken
