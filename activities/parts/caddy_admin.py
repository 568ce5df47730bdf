"""Caddy's admin API: read the whole configuration, change it by compare-and-set, seal it.

Law: every write carries ``If-Match`` with the Etag of the *whole* configuration that it was
computed from, so nobody else's change is ever overwritten; what a retry finds done is not done
again. Containment does not wait for evidence: a vault that fails is logged.
"""

import logging
from collections.abc import Callable
from typing import Final

from activities.parts.caddy_configuration import Closing, Configuration, Write
from activities.parts.http import MEBIBYTE, Http
from hemostat.vault import Vault
from schemas.errors import ConflictingChange, HemostatError
from schemas.evidence import EvidenceItem

_log: Final = logging.getLogger(__name__)
_TRIES: Final = 5

Decide = Callable[[Configuration, Closing | None], Write | None]
"""What to write, given the configuration and our route in it; None: it is as wanted."""


class CaddyAdmin:
    """One Caddy by its admin address; *server* only if not all are to be searched."""

    def __init__(self, admin: str, server: str | None, vault: Vault, *, seconds: float) -> None:
        self._server = server
        self._vault = vault
        self._http = Http(
            "gateway",
            admin,
            seconds=seconds,
            limit=16 * MEBIBYTE,
            keep_alive=False,  # each change of the configuration ends kept connections
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def read(self) -> Configuration:
        """Read the configuration as it is."""
        answer = await self._http.ask("GET", "/config/")
        etag = answer.headers.get("Etag", "")
        return Configuration.of(answer.json(), etag, self._server)

    async def change(
        self, incident: str, route: str, decide: Decide
    ) -> tuple[Configuration, Closing | None, bool]:
        """Write what *decide* makes of the configuration, until nobody wrote in between.

        Return the configuration as read back, our route in it, and whether anything was written.
        """
        for _ in range(_TRIES):
            before = await self.read()
            write = decide(before, before.closing(incident, route))
            if write is None:
                return before, before.closing(incident, route), False
            # Only the first state is the one "from before"; what a cohort replaces is ours.
            name = name_before(incident, route) if write.method == "PUT" else "gateway before"
            await self._try_to_seal(before, name)
            answer = await self._http.ask(
                write.method,
                write.path,
                content=write.route,
                headers={"If-Match": before.etag},
                expect=(200, 412),
            )
            if answer.status == 200:
                after = await self.read()
                await self._try_to_seal(after, "gateway after")
                return after, after.closing(incident, route), True
        raise ConflictingChange(
            f"the configuration was changed by others {_TRIES} times in a row",
            where="gateway",
            next_step="See what keeps writing to Caddy's admin API.",
        )

    async def seal(self, config: Configuration, name: str) -> EvidenceItem:
        """Put the configuration into the vault."""
        return await self._vault.put(
            config.canonical,
            media_type="application/json",
            name=name,
            source="caddy",
            method="GET /config/, as canonical JSON (RFC 8785)",
        )

    async def _try_to_seal(self, config: Configuration, name: str) -> None:
        try:
            await self.seal(config, name)
        except HemostatError as error:
            _log.warning("%s %s is not sealed: %s", name, config.digest, error)


def name_before(incident: str, route: str) -> str:
    """The name under which the state from before an incident closed a route is sealed."""
    return f"gateway before {incident} closed {route}"


def without_effect() -> ConflictingChange:
    """What a gateway is told of that takes a change and does not show it."""
    return ConflictingChange(
        "the gateway took the change, and its configuration does not show it", where="gateway"
    )
