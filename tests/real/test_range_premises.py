"""A range leaves nothing behind, also when whoever started it is killed."""

import asyncio
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hemostat.drill.range import janitor
from hemostat.drill.range.premises import Premises
from hemostat.processes import ChildFailed, ChildProcess

pytestmark = pytest.mark.real

# A child that starts a grandchild in another session, which no signal of ours reaches.
_OWNER = """
import asyncio, sys
from hemostat.drill.range.premises import Premises
from hemostat.processes import ChildProcess

ORPHAN = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', " \\
    "'import time; time.sleep(600)'], start_new_session=True); time.sleep(600)"

async def main():
    async with Premises() as premises:
        argv = [sys.executable, "-c", ORPHAN]
        premises.own(await ChildProcess.start(
            "parent", argv, log=premises.state / "log", env=premises.env))
        print(premises.state, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def until(check: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():
            await asyncio.sleep(0.02)


async def test_killing_the_owner_ends_its_processes_and_removes_its_files() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWNER, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    state = Path((await owner.stdout.readline()).decode().strip())
    await until(lambda: len(janitor.marked(str(state))) == 2)
    assert state.is_dir()
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    await until(lambda: not janitor.marked(str(state)) and not state.exists())


async def test_leaving_ends_even_a_process_that_nobody_owns() -> None:
    async with Premises() as premises:
        state = premises.state
        stray = await ChildProcess.start(
            "stray",
            [sys.executable, "-c", "import time; time.sleep(600)"],
            log=state / "log",
            env=premises.env,
        )
        await until(lambda: janitor.marked(str(state)) == [stray.pid])
    assert not state.exists()
    assert await stray.wait() == -signal.SIGKILL


async def test_a_part_that_fails_to_start_leaves_nothing_and_says_why() -> None:
    with pytest.raises(ChildFailed, match="ended with 2") as failed:  # noqa: PT012 - it is the leaving that is tested
        async with Premises() as premises:
            state = premises.state
            child = await premises.start("seed", "poisoning.seed")
            await premises.succeeded(child, timedelta(seconds=30))
    assert "usage: seed" in str(failed.value) + str(getattr(failed.value, "__notes__", ""))
    assert not state.exists()
