"""Drills started from the console: one at a time, told line by line, with how they ended."""

import asyncio
import sys
from pathlib import Path

import pytest

from hemostat.console.drills import Drills
from schemas.errors import BadInput

PROGRAM = "import sys; print('attacking', sys.argv[1]); print('<b>proof</b>'); sys.exit({status})"


def drills(folder: Path, status: int = 0) -> Drills:
    command = (sys.executable, "-c", PROGRAM.format(status=status))
    return Drills(("one", "two"), folder, command)


async def ended(started: Drills) -> None:
    async with asyncio.timeout(20):
        while started.running:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("status", [0, 1])
async def test_a_drill_is_told_line_by_line_and_how_it_ended(tmp_path: Path, status: int) -> None:
    started = drills(tmp_path, status)
    run = await started.start("one", "ic-1")
    await ended(started)
    assert list(run.lines) == ["attacking one", "<b>proof</b>"]
    assert (run.status, run.by, run.ended is not None) == (status, "ic-1", True)


async def test_there_is_one_drill_at_a_time_and_none_of_another_name(tmp_path: Path) -> None:
    started = drills(tmp_path)
    with pytest.raises(BadInput, match="no such drill"):
        await started.start("one; rm -rf /", "ic-1")
    await started.start("one", "ic-1")
    with pytest.raises(BadInput, match="runs already"):
        await started.start("two", "ic-1")
    await ended(started)
    await started.start("two", "ic-1")
    assert [run.id for run in started.runs] == [2, 1]
    await ended(started)
