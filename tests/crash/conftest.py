"""The attacked services that the matrix runs on, and its table at the end of a test run."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.crash.matrix import Undisturbed, in_peace
from tests.crash.report import Report
from tests.crash.scene import Scene

SCENES = int(os.environ.get("HEMOSTAT_CRASH_SCENES", "2"))
"""How many incidents are disturbed at the same time, each at services of its own."""
WHOLE = os.environ.get("HEMOSTAT_CRASH_MATRIX") == "whole"
"""Every point, or the part that fits into a continuous integration."""
REPORT = pytest.StashKey[Report]()
S = TypeVar("S", bound=Scene[Any])
FILE = Path(__file__).parents[2] / "var" / "crash-matrix.md"


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Report:
    return request.config.stash.setdefault(REPORT, Report())


MARKS = [
    pytest.mark.real,
    pytest.mark.temporal,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


@pytest.fixture(scope="module")
async def scenes(request: pytest.FixtureRequest) -> AsyncIterator[list[Scene[Any]]]:
    """What the module's ``SCENE`` is attacked at, up and gone together."""
    async with standing(request.module.SCENE) as made:
        yield made


@pytest.fixture(scope="module")
async def peace(scenes: list[Scene[Any]], report: Report) -> list[Undisturbed]:
    return await in_peace(scenes, report)


@asynccontextmanager
async def standing(kind: Callable[[], S]) -> AsyncIterator[list[S]]:
    """So many scenes of a kind, up and gone together."""
    async with AsyncExitStack() as stack:
        made = [kind() for _ in range(SCENES)]
        await asyncio.gather(*map(stack.enter_async_context, made))
        yield made


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
