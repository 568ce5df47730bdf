"""A vendor's SDK that never comes back holds up nobody else, and not the end of the process."""

import asyncio
import subprocess
import sys
import threading

import pytest

from activities.parts.own_threads import OwnThreads

NEVER_BACK = """
import asyncio, threading
from activities.parts.own_threads import OwnThreads

async def main():
    try:
        await asyncio.wait_for(OwnThreads("t").run(threading.Event().wait), 0.1)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


async def test_what_drips_for_ever_leaves_the_threads_that_all_share_alone() -> None:
    threads, ended = OwnThreads("t", most=40), threading.Event()
    try:
        for _ in range(40):  # more than a machine shares
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(threads.run(ended.wait), 0.01)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "sealed"), 5) == "sealed"
        with pytest.raises(TimeoutError):  # there are so many and no more
            await asyncio.wait_for(threads.run(lambda: "one more"), 0.2)
    finally:
        ended.set()
    assert await asyncio.wait_for(threads.run(lambda: "free again"), 5) == "free again"


async def test_answers_and_errors_come_back_as_they_are() -> None:
    threads = OwnThreads("t")
    assert await threads.run(lambda: 7) == 7
    with pytest.raises(LookupError, match="gone"):
        await threads.run(_raises)


async def test_a_machine_without_threads_leaves_every_place_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = OwnThreads("t", most=1)

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as out_of_threads:
        out_of_threads.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RuntimeError, match="new thread"):
            await threads.run(lambda: "never")
    assert await asyncio.wait_for(threads.run(lambda: "free"), 5) == "free"


def _raises() -> None:
    raise LookupError("gone")


def test_the_process_ends_though_a_thread_never_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NEVER_BACK], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "given up\n"
