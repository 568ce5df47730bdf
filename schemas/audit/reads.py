"""A read of a restricted incident, as it is recorded before it takes place."""

from schemas.base import Frozen, Utc


class Read(Frozen):
    """One read of one restricted incident."""

    at: Utc
    person: str
    subject: str
    kind: str
    method: str
    incident: str
    what: str
    """``list``, ``view``, ``journal``, ``clocks``, ``inbox``, ``watch``, ``post-mortem``,
    ``board-report`` or ``pack``."""
