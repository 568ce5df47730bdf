"""The worker's process: production's own worker, with the playbooks, the floor, and no effects."""

import asyncio
import logging
import os
import signal
from pathlib import Path

from bench import worlds
from bench.bare import ALERTS, RESPONSE, BareAlerts, BareResponse
from bench.marks import MarkSender
from bench.noop import connections
from bench.scripted import SCRIPTED, ScriptedResponse
from hemostat.temporal import connect
from workers.registry import discover_playbooks
from workers.worker import make_worker

QUEUE = "hemostat"


async def work(state: Path) -> None:
    """Work until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    floors = {RESPONSE: BareResponse, ALERTS: BareAlerts, SCRIPTED: ScriptedResponse}
    workflows = {**discover_playbooks(), **floors}
    marks = MarkSender(Path(os.environ["BENCH_MARKS"]))
    wired = {**connections(marks, state), **worlds.connections(marks)}
    async with make_worker(await connect(identity="bench-worker"), QUEUE, workflows, wired):
        await stopped.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(work(Path(os.environ["BENCH_STATE"])))
    os._exit(0)  # Temporal's native threads may abort an interpreter that ends in order
