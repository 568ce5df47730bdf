"""A service's connectors: the access that other systems gave it, by name and never by token.

Revoking one cannot be taken back: whoever gave the access gives it anew, if ever.
"""

from schemas.base import Frozen, Name
from schemas.ports.port import Effect, Request, port


class RevokeConnector(Effect):
    """Have the system that gave this access end it."""

    connector: Name


class ConnectorRevoked(Frozen):
    """It is ended; ``changed`` False: it was ended already."""

    connector: Name
    changed: bool


class TryConnector(Request):
    """Ask whoever gave the access, and use it from outside as a thief would."""

    connector: Name


class ConnectorTried(Frozen):
    """``active``: what the authority says; ``status``: what the resource answered the token."""

    connector: Name
    active: bool
    status: int


@port("connectors")
async def revoke_connector(request: RevokeConnector) -> ConnectorRevoked:
    """End the access for good."""
    raise NotImplementedError


@port("connectors")
async def try_connector(request: TryConnector) -> ConnectorTried:
    """Say whether the access still works, by both ways; a refusal is an answer, not an error."""
    raise NotImplementedError
