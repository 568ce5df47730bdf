"""The stand-ins, each in its own process; honest again and empty for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hemostat.drill.range.standins.standin import Control, start_standin
from hemostat.processes import free_port

SERVICENOW_USER = "hemostat-bot"
SERVICENOW_PASSWORD = "tickets-are-my-passion"


async def _running(name: str, folder: Path, env: dict[str, str]) -> AsyncIterator[Control]:
    child, control = await start_standin(name, folder, free_port(), env)
    async with child:
        await control.wait(child)
        yield control
        await control.aclose()


@pytest.fixture
async def pagerduty(tmp_path: Path) -> AsyncIterator[Control]:
    async for control in _running("pagerduty", tmp_path / "pagerduty", {}):
        yield control


@pytest.fixture
async def servicenow(tmp_path: Path) -> AsyncIterator[Control]:
    env = {"STANDIN_USER": SERVICENOW_USER, "STANDIN_PASSWORD": SERVICENOW_PASSWORD}
    async for control in _running("servicenow", tmp_path / "servicenow", env):
        yield control


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[Control]:
    async for control in _running("slack", tmp_path / "slack", {}):
        yield control
