"""Connectors by OAuth 2.0 tokens: revoked as RFC 7009 says, asked about as RFC 7662 says.

Law: the token is read from a reference at each use and is in no result and no error. An authority
answers 200 to the revocation of a token that it never knew (RFC 7009, 2.2), so its answer proves
nothing: a token counts as ended when the authority says that it is not active, and the proof uses
it at the resource besides.
"""

from base64 import b64encode
from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field

from activities.parts.http import Address, Answer, Http
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import BadInput, ConflictingChange, HemostatError
from schemas.ports.connectors import (
    ConnectorRevoked,
    ConnectorTried,
    RevokeConnector,
    TryConnector,
    revoke_connector,
    try_connector,
)
from schemas.ports.port import fulfils

WHERE = "connectors"


class Connector(Frozen):
    """One access: its token, and a harmless page of the resource that the token opens."""

    token: SecretRef
    resource: Address


class Connection(Frozen):
    """``[connections.NAME]``: the authority's two endpoints, our client, and the connectors."""

    adapter: Literal["connectors_oauth"]
    revocation: Address
    introspection: Address
    client_id: str
    client_secret: SecretRef
    connectors: dict[Name, Connector] = Field(min_length=1)
    timeout_seconds: float = Field(default=5, gt=0)


class _Introspected(BaseModel):
    active: bool


class ConnectorsOauth:
    """The connectors that one authority gave."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        seconds = connection.timeout_seconds
        self._revocation = Http(WHERE, connection.revocation, seconds=seconds)
        self._introspection = Http(WHERE, connection.introspection, seconds=seconds)
        self._resources = {
            name: Http(WHERE, known.resource, seconds=seconds, keep_alive=False)
            for name, known in connection.connectors.items()
        }

    async def aclose(self) -> None:
        """Close the connections."""
        for http in (self._revocation, self._introspection, *self._resources.values()):
            await http.aclose()

    async def check(self) -> list[str]:
        """Say which token cannot be read, or is not active any more."""
        problems = []
        for name in self.connection.connectors:
            try:
                if not await self._active(name):
                    problems.append(f"The token of {name} is not active.")
            except HemostatError as error:
                problems.append(str(error))
        return problems

    @fulfils(revoke_connector)
    async def revoke_connector(self, request: RevokeConnector) -> ConnectorRevoked:
        """Revoke the token unless it is ended; the authority is asked before and after."""
        name = request.connector
        changed = await self._active(name)
        if changed:
            await self._post(self._revocation, self._token(name))
            if await self._active(name):
                raise ConflictingChange(
                    "the authority took the revocation, and says the token is active", where=WHERE
                )
        return ConnectorRevoked(connector=name, changed=changed)

    @fulfils(try_connector)
    async def try_connector(self, request: TryConnector) -> ConnectorTried:
        """Introspect it, and fetch the page with it."""
        name = request.connector
        active = await self._active(name)
        answer = await self._resources[name].ask(
            "GET", "", headers={"Authorization": f"Bearer {self._token(name)}"}, expect=None
        )
        return ConnectorTried(connector=name, active=active, status=answer.status)

    async def _active(self, name: str) -> bool:
        answered = await self._post(self._introspection, self._token(name))
        return answered.parse(_Introspected).active

    async def _post(self, http: Http, token: str) -> Answer:
        """One form, signed in as our client (RFC 6749, 2.3.1)."""
        ours = f"{quote(self.connection.client_id)}:{read_secret(self.connection.client_secret)}"
        return await http.ask(
            "POST",
            "",
            raw=urlencode({"token": token}).encode(),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Authorization": f"Basic {b64encode(ours.encode()).decode()}",
            },
        )

    def _token(self, name: str) -> str:
        known = self.connection.connectors.get(name)
        if known is None:
            raise BadInput(
                "the connection knows no such connector",
                where=WHERE,
                next_step="Add it to `connectors` of the connection.",
            )
        return read_secret(known.token)
