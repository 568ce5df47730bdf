"""The console on a real Temporal with a real worker, served by a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.requests import Request
from temporalio.client import Client

from hemostat.console.book import book_of
from hemostat.console.doors import Console, Guard
from hemostat.console.drills import Drills
from hemostat.console.feed import Feed
from hemostat.console.routes import routes
from hemostat.console.temporal_desk import TemporalDesk
from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.processes import LOOPBACK, free_port
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.who import Who
from tests.workflows.roster import ROLES
from workers.registry import discover_playbooks, spec_of

COOKIE = "test-person"


class LooseGuard(Guard):
    """Every form carries the same word."""

    def token(self, request: Request) -> str:
        return "a-form-of-ours"

    async def refuses(self, request: Request, token: str) -> bool:
        return token != "a-form-of-ours"


async def by_cookie(request: Request) -> Who | None:
    """Whoever the cookie names; a test logs in by setting it."""
    person = request.cookies.get(COOKIE)
    if person is None:
        return None
    roles = tuple(name for name, role in ROLES.items() if person in (*role.primary, *role.deputies))
    kind = "auditor" if person.startswith("auditor") else "person"
    return Who(
        person=person,
        subject=f"local:{person}",
        roles=roles,
        method="password",
        authenticated_at=datetime.now(UTC),
        kind=kind,
    )


@asynccontextmanager
async def served(client: Client, folder: Path) -> AsyncIterator[str]:
    """Serve the gateway with its console; yields its address."""
    vault = Vault(folder / "vault")
    signals = IncidentSignals("unused", client)
    console = Console(
        desk=TemporalDesk(signals.connected, vault),
        feed=Feed(signals.connected),
        authenticate=by_cookie,
        guard=LooseGuard(),
        books=tuple(book_of(p, spec_of(p)) for p in discover_playbooks().values()),
        drills=Drills(("feedback-poisoning",), folder / "drills"),
    )
    app = gateway_app(Settings.parse(""), signals, vault, routes(console))
    port = free_port()
    config = uvicorn.Config(
        app,
        host=LOOPBACK,
        port=port,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.02)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        await serving
