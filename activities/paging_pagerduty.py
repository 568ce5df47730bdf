"""Pages people through PagerDuty's Events API v2, with PagerDuty's own client.

Law: one attempt is one request of bounded time. The client would wait for ever on a 429 and
repeat by itself on a 5xx or a broken connection; here Temporal does the repeating. Doing it twice
is harmless while the page is open: PagerDuty keeps one alert for a dedup key. After a resolve the
same key opens a new alert; the Events API has no way to look first.

Contract: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

import httpx2
import pagerduty
from pydantic import Field

from hemostat.settings import SecretRef, read_secret
from hemostat.vault import Vault
from schemas.base import Frozen, Name
from schemas.errors import ConfigurationError, HemostatError, SystemRefused, SystemUnreachable
from schemas.incident import Severity
from schemas.ports.paging import Page, Paged, PageKey, acknowledge_page, page, resolve_page
from schemas.ports.port import fulfils
from schemas.situation import defanged, plain

_SEVERITIES: Final = {
    Severity.SEV1: "critical",
    Severity.SEV2: "error",
    Severity.SEV3: "warning",
    Severity.SEV4: "info",
}
_LONGEST_SUMMARY: Final = 1024
_LONGEST_DETAIL: Final = 4000
_MOST_DETAILS: Final = 50
# By phase of a request; all of them together stay under the port's 15 s for an attempt.
_TIMEOUT: Final = httpx2.Timeout(connect=3.0, write=2.0, read=8.0, pool=1.0)
_THREADS: Final = 8
"""Our own, so that a page never queues behind another system that hangs."""


class Connection(Frozen):
    """``[connections.NAME]``: one routing key (integration key) for all, others for some roles.

    ``ca`` is the authority (PEM) to trust instead of the public ones.
    """

    adapter: Literal["paging_pagerduty"]
    routing_key: SecretRef
    routing_keys: dict[Name, SecretRef] = {}
    url: str = Field(default="https://events.pagerduty.com", pattern=r"^https://[^\s@]+$")
    ca: SecretRef | None = None
    source: str = Field(default="hemostat", min_length=1, max_length=255)


class _Client(pagerduty.EventsApiV2Client):
    """PagerDuty's client, which gives up where Temporal should go on."""

    max_network_attempts = 0
    timeout = _TIMEOUT  # type: ignore[assignment]  # a number there; handed on to httpx2 as it is

    def postprocess(self, response: httpx2.Response) -> None:
        """Called by the client with each response, before its own idea of repeating."""
        if response.is_success:
            return
        if response.status_code == 429 or response.status_code >= 500:
            raise SystemUnreachable(f"it answered {response.status_code}", where="PagerDuty")
        raise SystemRefused(
            f"it refused the event with {response.status_code}",
            where="PagerDuty",
            next_step="check the routing key and the service's integration.",
        )


class PagerDuty:
    """The pager; its state is PagerDuty's."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pagerduty")
        self._clients: dict[str, _Client] = {}
        self._integrations: dict[str, str] = {}

    @fulfils(page)
    async def page(self, request: Page) -> Paged:
        """Trigger; the first words of a drill's page say that it is one."""
        summary = f"EXERCISE: {request.summary}" if request.drill else request.summary
        details = {
            key[:255]: defanged(value, _LONGEST_DETAIL)
            for key, value in sorted(request.details.items())[:_MOST_DETAILS]
        }
        client = self._client(self._reference(request.role))

        def trigger() -> str:
            return client.trigger(
                plain(summary, _LONGEST_SUMMARY),
                self._connection.source,
                dedup_key=request.dedup_key,
                severity=_SEVERITIES[request.severity],
                custom_details={**details, "incident": request.incident, "role": request.role},
            )

        return await self._send(trigger, request.dedup_key, "triggered")

    @fulfils(acknowledge_page)
    async def acknowledge_page(self, request: PageKey) -> Paged:
        """Acknowledge; PagerDuty drops it without a word when the page is not open."""
        return await self._each(request, "acknowledge", "acknowledged")

    @fulfils(resolve_page)
    async def resolve_page(self, request: PageKey) -> Paged:
        """Resolve; PagerDuty drops it without a word when the page is not open."""
        return await self._each(request, "resolve", "resolved")

    async def check(self) -> list[str]:
        """Read every secret and shake hands with PagerDuty; no event is sent."""
        problems = []
        for reference in self._references():
            try:
                if len(read_secret(reference)) != 32:
                    problems.append(f"{reference} is not a routing key: those have 32 characters.")
            except ConfigurationError as error:
                problems.append(str(error))
        try:
            async with httpx2.AsyncClient(**self._transport(), timeout=_TIMEOUT) as http:
                await http.get(self._connection.url)
        except (httpx2.TransportError, HemostatError) as error:
            problems.append(f"PagerDuty cannot be reached ({type(error).__name__}).")
        return problems

    async def aclose(self) -> None:
        """Close the connections; a request that still runs ends by itself."""
        for client in self._clients.values():
            client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _each(self, request: PageKey, action: str, status: str) -> Paged:
        """Say it to every integration: the key alone does not tell which role was paged."""
        paged = Paged(dedup_key=request.dedup_key, status=status)
        for reference in self._references():
            client = self._client(reference)

            def send(client: _Client = client) -> str:
                return client.send_event(action, dedup_key=request.dedup_key)

            paged = await self._send(send, request.dedup_key, status)
        return paged

    async def _send(self, send: Callable[[], str], dedup_key: str, status: str) -> Paged:
        loop = asyncio.get_running_loop()
        try:
            taken = await loop.run_in_executor(self._threads, send)
        except pagerduty.Error:
            # Its text may quote the request; `from None`, because its cause may as well.
            raise SystemUnreachable("it did not answer properly", where="PagerDuty") from None
        if taken != dedup_key:
            raise SystemUnreachable("it answered for another key", where="PagerDuty")
        return Paged(dedup_key=dedup_key, status=status)

    def _reference(self, role: str) -> str:
        return self._connection.routing_keys.get(role, self._connection.routing_key)

    def _references(self) -> Sequence[str]:
        chosen = (self._connection.routing_key, *self._connection.routing_keys.values())
        return tuple(dict.fromkeys(chosen))

    def _client(self, reference: str) -> _Client:
        """The client of a routing key; read anew each time, so that a rotation needs no restart."""
        secret = read_secret(reference)
        if secret not in self._clients:
            self._clients[secret] = _Client(
                secret, base_url=self._connection.url, **self._transport()
            )
        return self._clients[secret]

    def _transport(self) -> dict[str, Any]:
        """Whom to trust, and whether the environment's proxy is on the way: not to loopback."""
        ca = self._connection.ca
        trusted = ssl.create_default_context(cadata=read_secret(ca)) if ca else True
        local = httpx2.URL(self._connection.url).host in {"127.0.0.1", "::1", "localhost"}
        return {"verify": trusted, "trust_env": not local}
