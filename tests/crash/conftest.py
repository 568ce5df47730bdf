"""The attacked services that the matrix runs on, and its table at the end of a test run."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.crash.report import Report
from tests.crash.scene import Scene

SCENES = int(os.environ.get("HEMOSTAT_CRASH_SCENES", "2"))
"""How many incidents are disturbed at the same time, each at services of its own."""
REPORT = pytest.StashKey[Report]()
FILE = Path(__file__).parents[2] / "var" / "crash-matrix.md"


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Report:
    return request.config.stash.setdefault(REPORT, Report())


@pytest.fixture(scope="session")
async def scenes() -> AsyncIterator[list[Scene]]:
    async with AsyncExitStack() as stack:
        made = [Scene() for _ in range(SCENES)]
        yield list(await asyncio.gather(*map(stack.enter_async_context, made)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    report = config.stash.get(REPORT, None)
    if report is None or not report.rows:
        return
    report.write(FILE)
    terminalreporter.section("crash matrix")
    for line in report.lines():
        terminalreporter.write_line(line)
