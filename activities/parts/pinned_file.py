"""Files of probes that we send to a service, pinned by digest.

Law: a file whose bytes have another digest than the configured one is not used, so nobody moves
the goalposts.
"""

from pathlib import Path
from typing import Final

from activities.parts.http import MEBIBYTE
from schemas.base import Digest
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError

_LARGEST: Final = 16 * MEBIBYTE


def pinned_lines(what: str, file: str, digest: Digest) -> list[bytes]:
    """Return the lines of ``file:PATH`` that are not blank.

    ``ConfigurationError``, in which it is called *what*: unreadable, larger than 16 MiB, without
    a line, or not of *digest*.
    """
    path = Path(file.removeprefix("file:"))
    try:
        if path.stat().st_size > _LARGEST:
            raise unusable(what, "is too large")
        content = path.read_bytes()
    except OSError as error:
        raise unusable(what, f"cannot be read ({type(error).__name__})") from error
    if digest_bytes(content) != digest:
        raise unusable(what, "does not have the digest that it is pinned to")
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise unusable(what, "is empty")
    return lines


def unusable(what: str, why: str) -> ConfigurationError:
    """The set that is called *what* cannot be used, and what to do about it."""
    return ConfigurationError(
        f"the {what} {why}",
        where=what,
        next_step="Restore the file, or pin the new digest on purpose.",
    )
