"""Every error a person can meet says what was wrong, where, and what to do next."""

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final


class HemostatError(Exception):
    """The base of our errors.

    ``str(error)`` is one line for a person: what, where, what to do next. Never put a secret or
    attacker-written text into any of the three: errors end up in histories and logs.
    """

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later; decides the retry of an activity."""

    exit_code: ClassVar[int] = 2
    """What a command exits with: 1 the thing checked did not hold, 2 wrong use or configuration."""

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(what, where, next_step)

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.next_step:
            parts.append(f"Next: {self.next_step}")
        return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


class ConfigurationError(HemostatError):
    """Something in hemostat.toml or the environment is missing or wrong."""


class NotHeld(HemostatError):
    """The thing that was checked did not hold."""

    exit_code = 1


class SystemUnreachable(HemostatError):
    """The system did not answer; the effect may or may not have happened."""

    retryable = True


class SystemRefused(HemostatError):
    """The system understood and refused; the same request will be refused again."""


class ConflictingChange(HemostatError):
    """Someone else changed the target between our read and our write; read again."""

    retryable = True


class NotWatching(HemostatError):
    """What is to be watched could not be looked at for long: nobody sees what happens there."""


class BadInput(HemostatError):
    """What was given cannot be understood or is not allowed."""


class EvidenceCorrupt(HemostatError):
    """Stored evidence does not match its digest any more."""

    exit_code = 1


_THEN: Final[Mapping[int | None, str]] = MappingProxyType(
    {
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room, then try again."),
        **dict.fromkeys(
            (errno.EACCES, errno.EPERM, errno.EROFS),
            "let this user read and write there, or choose another place.",
        ),
        **dict.fromkeys((errno.EMFILE, errno.ENFILE), "raise the limit of open files (ulimit -n)."),
    }
)


def refused_by_the_system(error: OSError) -> ConfigurationError:
    """Return what a person is told where the operating system refused: no room, no permission."""
    where = error.filename if isinstance(error.filename, str) else ""
    what = error.strerror or type(error).__name__
    next_step = _THEN.get(error.errno, "see to that, then try again.")
    return ConfigurationError(f"the system refused: {what}", where=where, next_step=next_step)
