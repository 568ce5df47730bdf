"""Caddy shuts accounts out of a route by one more route before it, written by compare-and-set.

Law: as in ``gateway_caddy``: every write carries the Etag of the configuration that it was made
from, and what a retry finds done is not done again. Accounts' names were chosen by strangers: they
are matched as text, whole, in an escaped expression, so that ``*`` is a name and not everybody.
The route carries its incident in its ``@id`` and stands before whatever else closes the route, so
that a blocked account is told so also while nobody is let in. A block with an end holds the moment
in its matcher: Caddy's own clock ends it, whether or not anything of ours still runs.
"""

import asyncio
import math
import re
from typing import Any, Final, Literal

from activities.parts.caddy_configuration import Configuration, Place, Write
from activities.parts.http import MEBIBYTE, Address, Http
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.errors import BadInput, ConflictingChange, HemostatError
from schemas.ports.accounts import (
    AccountsBlocked,
    AccountsProbed,
    BlockAccounts,
    ProbeAccounts,
    block_accounts,
    probe_accounts,
    unblock_accounts,
)
from schemas.ports.port import fulfils

_TRIES: Final = 5
_KNOCKS: Final = 20


class Connection(Frozen):
    """``[connections.NAME]``: Caddy's admin address, and the public one to knock at.

    ``legitimate`` is an account that is never blocked; ``knock_path`` is answered by the route.
    """

    adapter: Literal["accounts_caddy"]
    admin: Address
    edge: Address
    knock_path: str
    legitimate: str
    account_header: str = "X-Account"
    server: str | None = None
    timeout_seconds: float = 5


class AccountsCaddy:
    """One Caddy, by its admin API and from outside."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._admin = Http(
            "gateway",
            connection.admin,
            seconds=connection.timeout_seconds,
            limit=16 * MEBIBYTE,
            keep_alive=False,
        )
        self._edge = Http(
            "edge", connection.edge, seconds=connection.timeout_seconds, keep_alive=False
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._admin.aclose()
        await self._edge.aclose()

    async def check(self) -> list[str]:
        """Say whether the admin API answers."""
        try:
            await self._read()
        except HemostatError as error:
            return [str(error)]
        return []

    @fulfils(block_accounts)
    async def block_accounts(self, request: BlockAccounts) -> AccountsBlocked:
        """Insert or replace this incident's block."""
        changed = await self._change(request, self._blocking(request))
        return AccountsBlocked(route=request.route, blocked=len(request.accounts), changed=changed)

    @fulfils(unblock_accounts)
    async def unblock_accounts(self, request: BlockAccounts) -> AccountsBlocked:
        """Delete this incident's block."""
        changed = await self._change(request, None)
        return AccountsBlocked(route=request.route, blocked=0, changed=changed)

    @fulfils(probe_accounts)
    async def probe_accounts(self, request: ProbeAccounts) -> AccountsProbed:
        """Knock as some of the accounts, spread over all of them, and as the legitimate one."""
        step = max(1, len(request.accounts) // _KNOCKS)
        knocking = request.accounts[::step]
        answers = await asyncio.gather(*(self._knock(account) for account in knocking))
        return AccountsProbed(
            knocked=len(knocking),
            passed=sum(status != 403 for status in answers),
            legitimate_status=await self._knock(self.connection.legitimate),
        )

    async def _knock(self, account: str) -> int:
        """Send what the service itself refuses with 400, so that nothing comes of it."""
        headers = {self.connection.account_header: account, "X-Traffic": "probe"}
        answer = await self._edge.ask(
            "POST", self.connection.knock_path, headers=headers, expect=None
        )
        return answer.status

    def _blocking(self, request: BlockAccounts) -> dict[str, Any]:
        named = "|".join(re.escape(account) for account in sorted(set(request.accounts)))
        pattern = {self.connection.account_header: {"pattern": f"^(?:{named})$"}}
        match: dict[str, Any] = {"header_regexp": pattern}
        if request.until is not None:
            end = math.ceil(request.until.timestamp())
            match["expression"] = f"int({{time.now.unix}}) < {end}"
        return {
            "@id": _id(request),
            "match": [match],
            "handle": [{"handler": "static_response", "status_code": 403}],
            "terminal": True,
        }

    async def _change(self, request: BlockAccounts, wanted: dict[str, Any] | None) -> bool:
        """Make the block *wanted* (None: gone), until nobody wrote in between."""
        for _ in range(_TRIES):
            config = await self._read()
            write = _write(config, request, wanted)
            if write is None:
                return False
            answer = await self._admin.ask(
                write.method,
                write.path,
                content=write.route,
                headers={"If-Match": config.etag},
                expect=(200, 412),
            )
            if answer.status == 200:
                if _write(await self._read(), request, wanted) is not None:
                    raise ConflictingChange(
                        "the gateway took the change, and its configuration does not show it",
                        where="gateway",
                    )
                return True
        raise ConflictingChange(
            f"the configuration was changed by others {_TRIES} times in a row", where="gateway"
        )

    async def _read(self) -> Configuration:
        answer = await self._admin.ask("GET", "/config/")
        etag = answer.headers.get("Etag", "")
        return Configuration.of(answer.json(), etag, self.connection.server)


def _id(request: BlockAccounts) -> str:
    return f"hemostat-accounts:{request.incident}:{request.route}"


def _write(
    config: Configuration, request: BlockAccounts, wanted: dict[str, Any] | None
) -> Write | None:
    """Return the write that makes the configuration as wanted; None: it is."""
    ours: tuple[Place, dict[str, Any]] | None
    try:
        ours = config.target(_id(request))
    except BadInput:
        ours = None
    if wanted is None:
        return Write("DELETE", ours[0]) if ours else None
    place, target = config.target(request.route)
    before = [c.place for c in config.closings(request.route) if c.stands_before(place, target)]
    place = min([place, *before], key=lambda where: int(where[-1]))
    wanted = {**wanted, "match": [{**m, **wanted["match"][0]} for m in target.get("match") or [{}]]}
    if ours is None:
        return Write("PUT", place, wanted)
    return None if ours[1] == wanted else Write("PATCH", ours[0], wanted)
