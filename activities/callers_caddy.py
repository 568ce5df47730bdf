"""Caller keys at a Caddy that has one route a caller: refuse one of them, by its public id.

Law: a block is one more route directly before the caller's own (``@id`` of *prefix* and the
caller's id), with the same matcher, so it meets that key and no other. The key stays where Caddy
takes it from; it is never read here, but for a trial as that caller, from a reference.
"""

from typing import Final, Literal

from pydantic import Field, JsonValue

from activities.parts.caddy_admin import CaddyAdmin, without_effect
from activities.parts.caddy_configuration import (
    Closing,
    Configuration,
    Mark,
    Write,
    closing_route,
)
from activities.parts.http import Address, Http
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import BadInput, HemostatError
from schemas.ports.callers import (
    BlockCaller,
    CallerBlocked,
    CallerState,
    CallerTried,
    ReadCaller,
    TryCaller,
    block_caller,
    read_caller,
    try_caller,
    unblock_caller,
)
from schemas.ports.port import fulfils

_TRIAL: Final[dict[str, JsonValue]] = {"question": "When are the office hours?"}


class Connection(Frozen):
    """``[connections.NAME]``: Caddy's admin address, the edge, and whose keys may be tried."""

    adapter: Literal["callers_caddy"]
    admin: Address
    edge: Address
    server: str | None = None
    prefix: str = "caller-"
    path: str = "/v1/ask"
    trial: dict[str, JsonValue] = _TRIAL
    """A harmless request that every caller may make."""
    headers: dict[str, str] = {"X-Traffic": "probe"}
    id_header: str = "X-Key-Id"
    key_header: str = "X-Api-Key"
    keys: dict[Name, SecretRef] = {}
    timeout_seconds: float = Field(default=5, gt=0)


class CallersCaddy:
    """The callers of one service behind one Caddy."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        seconds = connection.timeout_seconds
        self._caddy = CaddyAdmin(connection.admin, connection.server, vault, seconds=seconds)
        self._edge = Http("edge", connection.edge, seconds=seconds, keep_alive=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caddy.aclose()
        await self._edge.aclose()

    async def check(self) -> list[str]:
        """Say which callers have no route, whose key cannot be read, or that nothing answers."""
        problems = []
        try:
            config = await self._caddy.read()
        except HemostatError as error:
            return [str(error)]
        for caller, reference in self.connection.keys.items():
            try:
                config.target(self._route(caller))
                read_secret(reference)
            except HemostatError as error:
                problems.append(str(error))
        return problems

    @fulfils(block_caller)
    async def block_caller(self, request: BlockCaller) -> CallerBlocked:
        """Insert our route before the caller's own."""
        route = self._route(request.caller)

        def block(config: Configuration, ours: Closing | None) -> Write | None:
            place, target = config.target(route)
            mark = Mark(
                incident=request.incident,
                route=route,
                config_before=ours.mark.config_before if ours else config.digest,
                status=request.status,
            )
            wanted = closing_route(target, mark)
            if ours is None:
                return Write("PUT", place, wanted)
            return None if ours.route == wanted else Write("PATCH", ours.place, wanted)

        after, ours, changed = await self._caddy.change(request.incident, route, block)
        if ours is None:
            raise without_effect()
        return CallerBlocked(
            caller=request.caller, blocked=True, changed=changed, config=after.digest
        )

    @fulfils(unblock_caller)
    async def unblock_caller(self, request: BlockCaller) -> CallerBlocked:
        """Delete our route."""
        route = self._route(request.caller)

        def unblock(_: Configuration, ours: Closing | None) -> Write | None:
            return None if ours is None else Write("DELETE", ours.place)

        after, ours, changed = await self._caddy.change(request.incident, route, unblock)
        if ours is not None:
            raise without_effect()
        return CallerBlocked(
            caller=request.caller, blocked=False, changed=changed, config=after.digest
        )

    @fulfils(read_caller)
    async def read_caller(self, request: ReadCaller) -> CallerState:
        """Read the state; a route of ours that stands in nobody's way does not count."""
        config = await self._caddy.read()
        route = self._route(request.caller)
        place, target = config.target(route)
        standing = [c for c in config.closings(route) if c.stands_before(place, target)]
        return CallerState(
            caller=request.caller, blocked_by=tuple(sorted(c.mark.incident for c in standing))
        )

    @fulfils(try_caller)
    async def try_caller(self, request: TryCaller) -> CallerTried:
        """Ask the harmless question as that caller."""
        reference = self.connection.keys.get(request.caller)
        if reference is None:
            raise BadInput(
                "there is no key to try this caller with",
                where="edge",
                next_step="Add it to `keys` of the connection, by reference.",
            )
        answer = await self._edge.ask(
            "POST",
            self.connection.path,
            content=self.connection.trial,
            headers={
                **self.connection.headers,
                self.connection.id_header: request.caller,
                self.connection.key_header: read_secret(reference),
            },
            expect=None,
        )
        return CallerTried(caller=request.caller, status=answer.status)

    def _route(self, caller: str) -> str:
        return f"{self.connection.prefix}{caller}"
