"""``python -m bench.replay``: a strict replay beside Temporal's bare Replayer, on the same histories.

Both use the worker's sandbox and replay recorded histories of ``tests/replay`` in one process.
They take turns, the first one alternating, so that what else the machine does meets both. What is
compared is the median over the rounds; ``bench/REPLAY.md`` keeps it. ``bench.regressing`` adds what
``hemostat audit regress`` takes for folders of packs.
"""

import asyncio
import gzip
import logging
import os
import platform
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from bench import regressing
from hemostat.audit.replay.strict import history_of, replay
from hemostat.temporal import runtime
from workers.registry import discover_playbooks
from workers.sandbox import sandbox

HISTORIES: Final = Path(__file__).parents[1] / "tests" / "replay" / "histories"
RESULTS: Final = Path(__file__).parent / "REPLAY.md"
AIM: Final = 0.8
ROUNDS: Final = 3
_EVERY: Final = 4
"""Of the recorded histories, each so-manieth."""

_QUIET: Final = runtime()


async def bare(histories: list[WorkflowHistory]) -> None:
    """Temporal's own: whether the commands are of the recorded kinds, in the recorded order."""
    replayer = Replayer(
        workflows=list(discover_playbooks().values()),
        workflow_runner=sandbox(),
        data_converter=pydantic_data_converter,
        runtime=_QUIET,
    )

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    async with replayer.workflow_replay_iterator(each()) as results:
        async for result in results:
            assert result.replay_failure is None


async def strict(histories: list[WorkflowHistory]) -> None:
    """Ours: whether all commands carry what they carried, and the outcome is the same."""
    playbooks = list(discover_playbooks().values())
    async for run in replay(histories, playbooks, sandbox(), runtime=_QUIET):
        assert run.held


async def timed(
    work: Callable[[list[WorkflowHistory]], Awaitable[None]], on: list[WorkflowHistory]
) -> float:
    """Seconds of the processors that one pass takes, in all threads."""
    began = time.process_time()
    await work(on)
    return time.process_time() - began


async def measure(rounds: int) -> tuple[str, float]:
    """Return the page and the ratio of the speeds."""
    files = sorted(HISTORIES.rglob("*.json.gz"))[:: _EVERY if rounds > 1 else 4 * _EVERY]
    histories = [history_of(gzip.decompress(file.read_bytes())) for file in files]
    events = sum(len(history.events) for history in histories)
    await bare(histories)
    await strict(histories)
    ours: list[float] = []
    floor: list[float] = []
    for number in range(rounds):
        sides = [(strict, ours), (bare, floor)]
        for work, seconds in sides if number % 2 else reversed(sides):
            seconds.append(await timed(work, histories))
    mine, theirs = statistics.median(ours), statistics.median(floor)
    ratio = theirs / mine
    page = f"""# Replay

Made by `python -m bench.replay`: a strict replay beside Temporal's bare Replayer, {len(histories)} recorded histories with {events:,} events, {rounds} rounds in turns, processor time of one process, {os.cpu_count()} processors, Python {platform.python_version()}.

| | median | spread | events/s |
|-|-|-|-|
| strict replay: every command with all it carried, outcome, journal written | {mine:.2f} s | {min(ours):.2f} to {max(ours):.2f} s | {events / mine:,.0f} |
| Temporal's Replayer alone | {theirs:.2f} s | {min(floor):.2f} to {max(floor):.2f} s | {events / theirs:,.0f} |

Speed of the strict replay: **{ratio:.2f}x** of the floor; the aim is {AIM}x or more.
"""
    return page, ratio


def main(arguments: list[str]) -> int:
    """Measure, print and write; 1 if the aim is missed."""
    logging.basicConfig(level=logging.ERROR)
    smoke = "--smoke" in arguments
    page, ratio = asyncio.run(measure(1 if smoke else ROUNDS))
    page += "\n" + regressing.page(smoke=smoke)
    print(page)
    if not smoke:
        RESULTS.write_text(page)
    return 0 if smoke or ratio >= AIM else 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # Temporal's native threads may abort an interpreter that ends in order
