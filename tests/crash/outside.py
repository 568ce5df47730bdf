"""What the world outside has gone through: read from the systems themselves, never from Hemostat."""

from collections.abc import Mapping
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import httpx2

from hemostat.drill.range.standins.standin import Control
from hemostat.drill.stage import Ground
from tests.crash.proxy import Exchange, Proxy

Effects = dict[str, Any]
R = TypeVar("R", bound=Ground)


class Outside(Protocol):
    """The systems around Hemostat, as they would be asked by a stranger."""

    async def reset(self) -> None:
        """Make it as it was after the attack: nothing has been answered yet."""

    async def effects(self, incident: str) -> Effects:
        """All that happened since ``reset``, in terms that are the same for every incident."""

    async def aclose(self) -> None:
        """Let go of the connections."""


class Asking(Generic[R]):
    """Asks an attacked service with its administrators' own token, and the gateway's admin API."""

    def __init__(
        self,
        attacked: R,
        proxies: Mapping[str, Proxy],
        pagerduty: Control,
        servicenow: Control,
    ) -> None:
        self._range = attacked
        self._proxies = proxies
        self._pagerduty = pagerduty
        self._servicenow = servicenow
        token = (attacked.state / "admin-token").read_text(encoding="utf-8")
        self._http = httpx2.AsyncClient(
            trust_env=False, timeout=30, headers={"authorization": f"Bearer {token}"}
        )

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _open_again(self, before: object) -> None:
        """Have the gateway as it was *before*."""
        if await self._configuration() != before:
            await self._ask("POST", f"{self._range.caddy_admin_url}/load", json=before)

    async def _configuration(self) -> Any:
        return (await self._ask("GET", f"{self._range.caddy_admin_url}/config/")).json()

    async def _ask(self, method: str, url: str, **asked: Any) -> httpx2.Response:
        return (await self._http.request(method, url, **asked)).raise_for_status()


def gateway_changes(caddy: Proxy) -> list[str]:
    """The writes to Caddy's admin API, without the incident's name."""
    return [change(exchange) for exchange in caddy.writes()]


def change(exchange: Exchange) -> str:
    """One write to Caddy's admin API, without the incident's name."""
    if not isinstance(exchange.sent, dict):
        return exchange.method
    mark = exchange.sent["handle"][0].get("hemostat")
    if mark is None:
        return f"{exchange.method} {exchange.sent['@id'].rpartition(':')[2]} for some accounts"
    share = f" {mark['percent']} %" if mark.get("percent") is not None else ""
    return f"{exchange.method} {mark['route']}{share}"


def addressees(outbox: Path) -> list[str]:
    """To whom the mails of a pickup folder go."""
    mails = [BytesParser().parsebytes(file.read_bytes()) for file in outbox.glob("*.eml")]
    return sorted(str(mail["To"]) for mail in mails)


def empty(outbox: Path) -> None:
    """Take the mails away, as a mail system does."""
    for mail in outbox.glob("*.eml"):
        mail.unlink()


async def told(pagerduty: Control, servicenow: Control, incident: str) -> Effects:
    """Who was paged and which tickets there are, as the stand-ins keep it."""
    pages, tickets = await pagerduty.state(), await servicenow.state()
    mine = [a for a in pages["alerts"] if a["dedup_key"].startswith(incident)]
    told = [n["dedup_key"] for n in pages["notifications"]]
    return {
        "notifications": sorted(
            key.removeprefix(incident) for key in told if key.startswith(incident)
        ),
        "pages": sorted((a["dedup_key"].removeprefix(incident), a["status"]) for a in mine),
        "tickets": sorted(
            ticket["correlation_id"].removeprefix(incident)
            for ticket in tickets["tickets"]
            if ticket["correlation_id"].startswith(incident)
        ),
    }
