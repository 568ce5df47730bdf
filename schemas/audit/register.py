"""The register: one chain of the opening and the close of every incident, drills included.

It is why a missing incident is noticed and not only a changed one. Its entries are signed and
numbered over all incidents; each names the digest of the one before.
"""

from enum import StrEnum
from typing import Literal

from schemas.audit.checkpoint import Outcome
from schemas.audit.signing import Kid, Moment
from schemas.audit.strict import Count, Ordered, Whole
from schemas.base import Digest

KIND = "register"


class What(StrEnum):
    """What an entry registers."""

    OPENED = "opened"
    CLOSED = "closed"


class RegisterEntry(Ordered):
    """The body that is signed."""

    at: Moment
    checkpoints: Whole | None = None
    """Of a close, as are ``last_checkpoint`` and ``outcome``."""
    drill: bool
    first_run: str
    format: Literal["hemostat-register/1"] = "hemostat-register/1"
    incident: str
    kid: Kid
    last_checkpoint: Digest | None = None
    opened_at: Moment
    outcome: Outcome | None = None
    playbook: str
    previous: Digest
    seq: Count
    what: What
