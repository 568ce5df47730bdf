"""Who must agree where one person is not enough: each of some roles, or any two of them.

Both take what a ``GatePolicy`` takes. Whoever is next on the ladder is asked after as long again as
those before had, unless a gate says otherwise.
"""

from typing import Any

from schemas.gate import GatePolicy


def each_of(*, roles: tuple[str, ...], **policy: Any) -> GatePolicy:
    """Return the policy by which each of *roles* must agree, as a person of its own."""
    return _policy(roles=roles, quorum=len(roles), all_roles=True, **policy)


def two_of(*, roles: tuple[str, ...], **policy: Any) -> GatePolicy:
    """Return the policy by which two people must agree, whichever of *roles* they have."""
    return _policy(roles=roles, quorum=2, **policy)


def _policy(**policy: Any) -> GatePolicy:
    if "ladder" in policy:
        policy.setdefault("ladder_every", policy["timer"])
    return GatePolicy(**policy)
