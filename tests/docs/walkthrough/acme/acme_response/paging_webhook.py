"""Pages people by telling a receiver of your own.

Law: the receiver keeps one page for a key, so that telling it twice is harmless.
"""

from typing import Literal

from activities.parts.http import Address, Http
from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen
from schemas.errors import HemostatError
from schemas.ports.paging import Page, Paged, PageKey, acknowledge_page, page, resolve_page
from schemas.ports.port import fulfils


class Connection(Frozen):
    """``[connections.NAME]``: where the receiver is, and the bearer token that it wants."""

    adapter: Literal["paging_webhook"]
    url: Address
    token: SecretRef


class PagingWebhook:
    """One receiver; its state is its own."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._http = Http(
            "paging webhook",
            connection.url,
            authorization=lambda: f"Bearer {read_secret(connection.token)}",
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def check(self) -> list[str]:
        """Say what keeps it from being used; nobody is paged."""
        try:
            await self._http.ask("GET", "/health")
        except HemostatError as error:
            return [str(error)]
        return []

    @fulfils(page)
    async def page(self, request: Page) -> Paged:
        """Page one role."""
        summary = f"EXERCISE: {request.summary}" if request.drill else request.summary
        said = {"role": request.role, "summary": summary, "severity": request.severity.value}
        return await self._tell(request.dedup_key, "triggered", said)

    @fulfils(acknowledge_page)
    async def acknowledge_page(self, request: PageKey) -> Paged:
        """Somebody took it."""
        return await self._tell(request.dedup_key, "acknowledged", {})

    @fulfils(resolve_page)
    async def resolve_page(self, request: PageKey) -> Paged:
        """It is over."""
        return await self._tell(request.dedup_key, "resolved", {})

    async def _tell(self, key: str, status: str, said: dict[str, str]) -> Paged:
        content = {"key": key, "status": status, **said}
        await self._http.ask("PUT", "/pages", content=content, expect=(200, 201, 204))
        return Paged(dedup_key=key, status=status)
