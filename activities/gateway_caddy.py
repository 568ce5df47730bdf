"""Caddy closes a route by one more route before it, written by compare-and-set.

Law: every write carries ``If-Match`` with the Etag of the *whole* configuration that it was
computed from, so nobody else's change is ever overwritten; what a retry finds done is not done
again. Containment does not wait for evidence: a vault that fails is logged, and the digest still
tells.

The target route needs an ``@id``. A cohort is told by a request header, which an authenticating
hop must set. Configurations are sealed as the admin API shows them, secrets included.
"""

import asyncio
import json
from pathlib import Path
from typing import Final, Literal

from activities.parts.caddy_admin import CaddyAdmin, name_before, without_effect
from activities.parts.caddy_configuration import (
    Closing,
    Configuration,
    Mark,
    Write,
    choose_cohort,
    closing_route,
)
from activities.parts.http import MEBIBYTE, Address, FileRef
from hemostat.vault import Vault
from schemas.base import Digest, Frozen
from schemas.errors import BadInput, HemostatError
from schemas.evidence import Sealed
from schemas.ports.gateway import (
    Admission,
    AdmitCohort,
    EndpointState,
    IsolateEndpoint,
    Isolation,
    ReadEndpoint,
    Restoration,
    SealEdge,
    admit_cohort,
    isolate_endpoint,
    read_endpoint,
    restore_endpoint,
    seal_edge,
)
from schemas.ports.port import fulfils

_ACCOUNTS_BYTES: Final = 4 * MEBIBYTE


class Connection(Frozen):
    """``[connections.NAME]``: Caddy's admin address; *server* only if not all are to be searched.

    ``trusted_accounts`` is a JSON list or one account a line; ``account_header`` tells them.
    """

    adapter: Literal["gateway_caddy"]
    admin: Address
    server: str | None = None
    account_header: str = "X-Account"
    trusted_accounts: FileRef | None = None
    timeout_seconds: float = 5


class GatewayCaddy:
    """One Caddy, by its admin API."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self.connection = connection
        self._vault = vault
        self._caddy = CaddyAdmin(
            connection.admin, connection.server, vault, seconds=connection.timeout_seconds
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caddy.aclose()

    async def check(self) -> list[str]:
        """Say what keeps the gateway from being used: no answer, no such server, no accounts."""
        problems = []
        try:
            servers = (await self._caddy.read()).tree["apps"]["http"]["servers"]
            if self.connection.server and self.connection.server not in servers:
                problems.append(f"The gateway has no server {self.connection.server!r}.")
        except HemostatError as error:
            problems.append(str(error))
        except (LookupError, TypeError):
            problems.append("The gateway's configuration has no HTTP servers.")
        if self.connection.trusted_accounts is not None:
            try:
                self._trusted()
            except BadInput as error:
                problems.append(str(error))
        return problems

    @fulfils(isolate_endpoint)
    async def isolate_endpoint(self, request: IsolateEndpoint) -> Isolation:
        """Insert our route before the target; a cohort that it let through is shut out again."""

        def close(config: Configuration, ours: Closing | None) -> Write | None:
            place, target = config.target(request.route)
            mark = Mark(
                incident=request.incident,
                route=request.route,
                config_before=ours.mark.config_before if ours else config.digest,
                status=request.status,
            )
            wanted = closing_route(target, mark)
            if ours is None:
                return Write("PUT", place, wanted)
            return None if ours.route == wanted else Write("PATCH", ours.place, wanted)

        after, ours, changed = await self._caddy.change(request.incident, request.route, close)
        if ours is None or ours.mark.percent:
            raise without_effect()
        return Isolation(
            route=request.route,
            changed=changed,
            config_before=ours.mark.config_before,
            config_after=after.digest,
        )

    @fulfils(restore_endpoint)
    async def restore_endpoint(self, request: IsolateEndpoint) -> Restoration:
        """Delete our route; ``exact`` compares with the configuration that isolating it found."""
        before: set[Digest] = set()

        def reopen(_: Configuration, ours: Closing | None) -> Write | None:
            if ours is None:
                return None
            before.add(ours.mark.config_before)
            return Write("DELETE", ours.place)

        after, ours, changed = await self._caddy.change(request.incident, request.route, reopen)
        if ours is not None:
            raise without_effect()
        if not before:  # perhaps we died after deleting: the mark is gone, the evidence is not
            before = await asyncio.to_thread(self._sealed_before, request)
        return Restoration(
            route=request.route, changed=changed, config=after.digest, exact=after.digest in before
        )

    @fulfils(admit_cohort)
    async def admit_cohort(self, request: AdmitCohort) -> Admission:
        """Replace our route by one that does not match the cohort's requests."""
        cohort = choose_cohort(self._trusted(), request.percent)

        def admit(config: Configuration, ours: Closing | None) -> Write | None:
            if ours is None:
                raise BadInput(f"{request.route!r} is not closed by this incident", where="gateway")
            mark = ours.mark.model_copy(
                update={"percent": request.percent, "admitted": len(cohort)}
            )
            _, target = config.target(request.route)
            wanted = closing_route(
                target, mark, header=self.connection.account_header, cohort=cohort
            )
            return None if ours.route == wanted else Write("PATCH", ours.place, wanted)

        after, ours, changed = await self._caddy.change(request.incident, request.route, admit)
        if ours is None or ours.mark.percent != request.percent:
            raise without_effect()
        return Admission(
            route=request.route,
            changed=changed,
            percent=request.percent,
            accounts=len(cohort),
            config=after.digest,
        )

    @fulfils(read_endpoint)
    async def read_endpoint(self, request: ReadEndpoint) -> EndpointState:
        """Read the state; a route of ours that stands in nobody's way does not count."""
        config = await self._caddy.read()
        place, target = config.target(request.route)
        standing = [c for c in config.closings(request.route) if c.stands_before(place, target)]
        return EndpointState(
            route=request.route,
            isolated_by=tuple(sorted(c.mark.incident for c in standing)),
            admitted=sum(c.mark.admitted for c in standing if c.mark.incident == request.incident),
            config=config.digest,
        )

    @fulfils(seal_edge)
    async def seal_edge(self, request: SealEdge) -> Sealed:
        """Put the configuration into the vault."""
        return Sealed(
            items=(await self._caddy.seal(await self._caddy.read(), "gateway configuration"),)
        )

    def _sealed_before(self, request: IsolateEndpoint) -> set[Digest]:
        name = name_before(request.incident, request.route)
        return {item.digest for item in self._vault.ledger() if item.name == name}

    def _trusted(self) -> list[str]:
        if self.connection.trusted_accounts is None:
            raise BadInput(
                "there is no cohort to admit",
                where="gateway",
                next_step='Set trusted_accounts = "file:PATH" on the connection.',
            )
        path = Path(self.connection.trusted_accounts.removeprefix("file:"))
        try:
            if path.stat().st_size > _ACCOUNTS_BYTES:
                raise BadInput("the trusted accounts' file is too large", where="gateway")
            text = path.read_text("utf-8")
            accounts = json.loads(text) if text.lstrip().startswith("[") else text.split("\n")
        except (OSError, ValueError) as error:
            raise BadInput(
                f"the trusted accounts cannot be read ({type(error).__name__})", where="gateway"
            ) from error
        # Caddy would read a star as a wildcard and braces as a placeholder.
        if not all(isinstance(a, str) and not set(a) & set("*{}") for a in accounts):
            raise BadInput("an account that is no plain text is not trusted", where="gateway")
        return [stripped for account in accounts if (stripped := account.strip())]
