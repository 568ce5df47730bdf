"""``python -m bench``: measure on this machine and write ``bench/RESULTS.md``.

``--smoke`` goes through all of it with a handful of alerts, prints the report and writes nothing.
``--harder`` measures the harder playbooks alone and puts their section in the place of the old one,
``--people`` the people who watch and decide.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from temporalio.client import WorkflowHistory

from bench import costs, harder, latency, storm, throughput, watching, watching_report
from bench import harder_report as of_harder
from bench.figures import Results, is_whole
from bench.report import markdown
from bench.scale import SMOKE as SMOKE_SIZE
from bench.scale import WHOLE, Size
from bench.stage import Stage, busy_seconds, staged

RESULTS: Final = Path(__file__).parent / "RESULTS.md"


@dataclass(frozen=True)
class Counts:
    """How much of everything; the whole stays below six minutes on two processors."""

    pairs: int = 60
    rounds: int = 4
    incidents: int = 24
    incidents_at_once: int = 8
    alerts: int = 10_000
    blocks: int = 4
    alerts_at_once: int = 64
    warm: int = 4
    replays: int = 10
    steps: int = 200
    harder_pairs: int = 16
    harder_rounds: int = 2
    harder_incidents: int = 6
    people: Size = WHOLE


SMOKE: Final = Counts(1, 1, 2, 2, 60, 2, 8, 1, 1, 5, 1, 1, 2, SMOKE_SIZE)


def say(what: str) -> None:
    """Show how far it is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
    else:
        sys.stderr.write(f"{what}\n")
    sys.stderr.flush()


async def measure(counts: Counts) -> Results:
    """Measure everything on one stage."""
    began, load = time.monotonic(), os.getloadavg()[0]
    say("starting Temporal, a worker, the gateway and the floor's handlers")
    async with staged() as stage:
        await _warm_up(stage, counts)
        others = _Others(stage)
        pairs = await latency.measure(stage, counts.pairs, say)
        blocks = await throughput.measure(
            stage,
            rounds=counts.rounds,
            incidents=counts.incidents,
            at_once=counts.incidents_at_once,
            say=say,
        )
        blown = await storm.measure(
            stage,
            alerts=counts.alerts,
            blocks=counts.blocks,
            at_once=counts.alerts_at_once,
            say=say,
        )
        hard = await _harder(stage, counts)
        people = await watching.measure(stage, counts.people, say)
        ended, share = os.getloadavg()[0], others.share()
        say("taking it apart")
        ours, floor = [await _history(stage, side[0].handles[0]) for side in blocks]
        return Results(
            latency=pairs,
            throughput=blocks,
            events=(
                await throughput.events(stage, blocks[0]),
                await throughput.events(stage, blocks[1]),
            ),
            storm=blown,
            replayed=(
                await costs.replayed(ours, counts.replays),
                await costs.replayed(floor, counts.replays),
            ),
            one_alert=await costs.of_one_alert(stage, counts.steps),
            harder=hard,
            people=people,
            at_once=(counts.incidents_at_once, counts.alerts_at_once),
            load=(load, ended),
            others=share,
            seconds=time.monotonic() - began,
        )


async def _harder(stage: Stage, counts: Counts) -> list[harder.Measured]:
    return await harder.measure(
        stage,
        pairs=counts.harder_pairs,
        rounds=counts.harder_rounds,
        incidents=counts.harder_incidents,
        at_once=counts.incidents_at_once,
        say=say,
    )


Lines = Callable[[str], list[str]]
"""A section, given the conditions under which it was measured."""


async def alone(part: Callable[[Stage, Counts], Awaitable[Lines]], counts: Counts) -> list[str]:
    """Measure one part alone; return its section."""
    began, load = time.monotonic(), os.getloadavg()[0]
    async with staged() as stage:
        others = _Others(stage)
        lines = await part(stage, counts)
        share = others.share()
    quiet = "idle otherwise" if share < 0.05 else "**not idle otherwise**"
    return lines(
        f"Of a run of its own: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, "
        f"{time.monotonic() - began:.0f} s, load average {load:.2f} before, other work took "
        f"{share:.0%} of the processors meanwhile: {quiet}."
    )


async def harder_alone(stage: Stage, counts: Counts) -> Lines:
    """Measure the harder playbooks."""
    found = await _harder(stage, counts)
    return lambda conditions: of_harder.section(found, counts.incidents_at_once, conditions)


async def people_alone(stage: Stage, counts: Counts) -> Lines:
    """Measure the people."""
    found = await watching.measure(stage, counts.people, say)
    return lambda conditions: watching_report.section(found, conditions)


PARTS: Final = {
    "--harder": (of_harder.HEAD, harder_alone),
    "--people": (watching_report.HEAD, people_alone),
}


def with_section(text: str, title: str, lines: Sequence[str]) -> str:
    """*text* with the section of this title replaced, or put before the last one."""
    before, old, rest = text.partition(title)
    if not old:
        head, mark, costs = text.partition("## What it costs")
        return head + "\n".join(lines) + "\n" + mark + costs
    _, mark, after = rest.partition("\n## ")
    return before + "\n".join(lines) + mark + after


class _Others:
    """What else the machine does from here on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._began, self._used = time.monotonic(), self._by_others()

    def _by_others(self) -> float:
        return busy_seconds() - sum(self._stage.cpu().values())

    def share(self) -> float:
        """The share of all processors that went to other work so far.

        Ticks are counted for each process and for all of them apart: none at all may be less.
        """
        seconds = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return max(0.0, self._by_others() - self._used) / seconds


async def _warm_up(stage: Stage, counts: Counts) -> None:
    """Let every process load what it needs, and both sides' code run a few times."""
    await latency.measure(stage, counts.warm, lambda what: say(f"warming up: {what}"))
    await throughput.measure(
        stage,
        rounds=1,
        incidents=counts.warm,
        at_once=2,
        say=lambda what: say(f"warming up: {what}"),
    )


async def _history(stage: Stage, incident: str) -> WorkflowHistory:
    return await stage.client.get_workflow_handle(incident).fetch_history()


def main(arguments: list[str]) -> int:
    """Measure, write, and fail if the storm lost or doubled anything."""
    logging.basicConfig(level=logging.ERROR)
    smoke = "--smoke" in arguments
    for asked in set(arguments) & set(PARTS):
        title, part = PARTS[asked]
        lines = asyncio.run(alone(part, SMOKE if smoke else Counts()))
        print("\n".join(lines))
        if not smoke:
            RESULTS.write_text(with_section(RESULTS.read_text(), title, lines))
        return 0
    results = asyncio.run(measure(SMOKE if smoke else Counts()))
    text = markdown(results)
    print(text)
    if not smoke:
        RESULTS.write_text(text)
    return 0 if is_whole(results.storm[3]) else 1


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # Temporal's native threads may abort an interpreter that ends in order
