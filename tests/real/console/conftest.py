"""A browser, and a gateway with its console on a real Temporal; skipped where there is no browser."""

import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright, expect
from temporalio.client import Client

from hemostat.identity import secrets
from tests.real.console.stage import Served, served, settings
from tests.workflows.conftest import FLAGS, server, working
from tests.workflows.world import World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 20.0
"""Seconds within which a page shows what a test waits for; what has a bound says so itself."""
ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords cost nothing here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_N", 16)
        yield


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    expect.set_options(timeout=PATIENCE * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def temporal_client() -> AsyncIterator[Client]:
    async with server(FLAGS) as env:
        yield env.client


@pytest.fixture(scope="session")
async def console(
    browser: Browser, temporal_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """One gateway for all tests; each opens its own incident."""
    folder = tmp_path_factory.mktemp("console")
    async with (
        working(temporal_client, World()) as queue,
        served(temporal_client, queue, settings(folder)) as gateway,
    ):
        yield gateway
