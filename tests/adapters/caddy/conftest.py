"""A real Caddy, started once, with its first configuration for every test."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.gateway_caddy import Connection, GatewayCaddy
from hemostat.drill.range.edge import start_caddy, wait_caddy
from hemostat.processes import free_ports
from hemostat.vault import Vault
from tests.adapters.caddy.edge import (
    ACCOUNTS,
    Edge,
    configuration,
)
from tests.adapters.liar import Liar


@pytest.fixture(scope="session")
async def caddy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    state = tmp_path_factory.mktemp("caddy")
    admin, edge, _ = sorted(free_ports(3))
    initial = configuration(edge, admin)
    process = await start_caddy(state, initial, {})
    async with process:
        url = f"http://127.0.0.1:{admin}"
        await wait_caddy(process, url)
        running = Edge(f"http://127.0.0.1:{edge}", url, initial)
        yield running
        await running.client.aclose()


@pytest.fixture
async def edge(caddy: Edge) -> Edge:
    (await caddy.client.post(f"{caddy.admin}/load", json=caddy.initial)).raise_for_status()
    return caddy


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    file = tmp_path / "trusted.json"
    file.write_text(json.dumps(ACCOUNTS))
    return f"file:{file}"


@pytest.fixture
async def gateway(edge: Edge, vault: Vault, trusted: str) -> AsyncIterator[GatewayCaddy]:
    connection = Connection(adapter="gateway_caddy", admin=edge.admin, trusted_accounts=trusted)
    adapter = GatewayCaddy(connection, vault)
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def liar(edge: Edge) -> AsyncIterator[Liar]:
    async with Liar(edge.admin) as lying:
        yield lying


@pytest.fixture
async def deceived(liar: Liar, vault: Vault, trusted: str) -> AsyncIterator[GatewayCaddy]:
    """The adapter with the liar between it and the real Caddy; it waits a second."""
    adapter = through(liar, vault, trusted, seconds=1)
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def patient(liar: Liar, vault: Vault, trusted: str) -> AsyncIterator[GatewayCaddy]:
    """The same for tests where everybody answers, however loaded the machine is."""
    adapter = through(liar, vault, trusted, seconds=30)
    yield adapter
    await adapter.aclose()


def through(liar: Liar, vault: Vault, trusted: str, *, seconds: float) -> GatewayCaddy:
    connection = Connection(
        adapter="gateway_caddy",
        admin=liar.url,
        trusted_accounts=trusted,
        timeout_seconds=seconds,
    )
    return GatewayCaddy(connection, vault)
