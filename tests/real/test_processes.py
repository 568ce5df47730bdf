"""Children are watched, stopped and never left behind: with real processes and real signals."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from hemostat.processes import ChildExited, ChildNotReady, ChildProcess, free_ports

pytestmark = pytest.mark.real

SLEEP_LONG = "import time; time.sleep(600)"
IGNORE_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)"
)
# Starts a grandchild, says its pid, and sleeps on.
HAS_A_CHILD = (
    "import subprocess, sys, time;"
    "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('grandchild', c.pid, flush=True); time.sleep(600)"
)
# A parent that starts a ChildProcess of its own, says its pid, and sleeps on.
A_PARENT = """
import asyncio, pathlib, sys
from hemostat.processes import ChildProcess
async def main():
    child = await ChildProcess.start(
        "orphan", [sys.executable, "-c", "import time; time.sleep(600)"],
        log=pathlib.Path(sys.argv[1]))
    print("grandchild", child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def start(tmp_path: Path, code: str, *args: str) -> ChildProcess:
    return await ChildProcess.start(
        "a child", [sys.executable, "-c", code, *args], log=tmp_path / "child.log"
    )


async def said(child: ChildProcess, word: str) -> str:
    """What follows ``word`` in the child's log, waited for."""

    async def check() -> bool:
        return word in child.log_tail()

    await child.wait_ready(check)
    return child.log_tail().partition(word)[2].strip()


def exists(pid: int) -> bool:
    """Whether ``pid`` is a process that still runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


async def is_gone(pid: int) -> bool:
    async with asyncio.timeout(10):
        while exists(pid):
            await asyncio.sleep(0.02)
    return True


async def test_an_early_exit_is_an_error_that_shows_the_end_of_the_log(tmp_path: Path) -> None:
    child = await start(tmp_path, "print('the port is taken'); raise SystemExit(3)")

    async def never() -> bool:
        return False

    with pytest.raises(ChildExited, match="status 3") as raised:
        await child.wait_ready(never)
    assert raised.value.tail == "the port is taken"
    assert str(child.log) in str(raised.value)


async def test_a_missed_deadline_names_what_the_last_check_ran_into(tmp_path: Path) -> None:
    async def refused() -> bool:
        raise ConnectionRefusedError("nobody listens")

    async with await start(tmp_path, SLEEP_LONG) as child:
        with pytest.raises(ChildNotReady) as raised:
            await child.wait_ready(refused, timedelta(milliseconds=200))
        assert isinstance(raised.value.__cause__, ConnectionRefusedError)
        assert child.running


async def test_stop_ends_a_child_that_ignores_sigterm(tmp_path: Path) -> None:
    child = await start(tmp_path, IGNORE_SIGTERM)
    await said(child, "deaf")
    assert await child.stop(grace=timedelta(milliseconds=200)) == -signal.SIGKILL
    assert await child.stop() == -signal.SIGKILL, "a second stop changes nothing"


async def test_stop_asks_first(tmp_path: Path) -> None:
    child = await start(tmp_path, SLEEP_LONG)
    assert await child.stop() == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_killing_a_child_ends_what_the_child_had_started(tmp_path: Path) -> None:
    child = await start(tmp_path, HAS_A_CHILD)
    grandchild = int(await said(child, "grandchild"))
    assert exists(grandchild)
    assert await child.kill() == -signal.SIGKILL
    assert await is_gone(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
async def test_a_child_goes_when_its_parent_is_killed(tmp_path: Path) -> None:
    # The parent is not given a group to lead, so only the kernel can end the grandchild.
    parent = await ChildProcess.start(
        "a parent",
        [sys.executable, "-c", A_PARENT, str(tmp_path / "orphan.log")],
        log=tmp_path / "parent.log",
        own_group=False,
    )
    grandchild = int(await said(parent, "grandchild"))
    assert exists(grandchild)
    os.kill(parent.pid, signal.SIGKILL)
    assert await parent.wait() == -signal.SIGKILL
    assert await is_gone(grandchild)


def test_free_ports_are_different_and_below_the_ephemeral_range() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32_768
