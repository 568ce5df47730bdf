"""``hemostat worker``: playbooks and adapters, until it is told to stop."""

import asyncio
from pathlib import Path

import click

from hemostat.cli import log_to_stderr, settings_option
from hemostat.settings import Settings
from hemostat.temporal import connect, ensure_namespace
from workers.worker import run_worker


@click.command
@settings_option
def command(config: Path | None) -> None:
    """Work on incidents by their playbooks.

    Runs against the Temporal that the environment names (TEMPORAL_ADDRESS and so on). Any number
    of workers may run; kill one at any moment, another goes on.
    """
    log_to_stderr()
    asyncio.run(_work(Settings.load(config)))


async def _work(settings: Settings) -> None:
    client = await connect(identity="hemostat-worker")
    await ensure_namespace(client)
    await run_worker(client, settings)
