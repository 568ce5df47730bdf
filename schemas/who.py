"""Who speaks: a person, a service or an auditor, as authentication found them.

It says who asked and how that was proven. What they may decide is not here: an incident carries
its own roster and judges each statement by that.
"""

from typing import Final, Literal

from schemas.base import Frozen, Name, Utc

NEED_TO_KNOW: Final = (
    "commander",
    "deputy-commander",
    "security-on-call",
    "ciso",
    "counsel",
    "legal-counsel",
    "dpo",
)
"""The roles that see the incidents of a restricted service, unless it names others."""


class Who(Frozen):
    """The caller of one request; ``roles`` as known at authentication.

    ``method`` is ``passkey``, ``password``, ``oidc``, ``token`` or ``own-key``.
    """

    person: Name
    """The id in ``[people]`` of hemostat.toml, or the local account's name."""
    subject: str
    """The provider's subject; ``local:<account>`` for local accounts."""
    roles: tuple[Name, ...]
    method: str
    authenticated_at: Utc
    stepped_up_at: Utc | None = None
    kind: Literal["person", "service", "auditor"] = "person"
    """Only a person is ever counted as an approver; an auditor reads and never signals."""
