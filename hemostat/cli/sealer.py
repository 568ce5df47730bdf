"""``hemostat sealer``: seals every incident while it happens, until it is told to stop."""

import asyncio
import os
import signal
from pathlib import Path

import click

from hemostat.audit.follower import Sealer
from hemostat.audit.sealer import run_sealer
from hemostat.audit.setup import key_of, store_of
from hemostat.audit.timestamps import Timestamps
from hemostat.cli import log_to_stderr, settings_option
from hemostat.desk.reads import FILE as READS
from hemostat.settings import Settings
from hemostat.temporal import connect, ensure_namespace
from hemostat.vault import Vault
from schemas.errors import ConfigurationError


@click.command
@settings_option
def command(config: Path | None) -> None:
    """Seal every incident while it happens.

    Follows all histories live and writes signed checkpoints to the write-once store of [audit]. Run it on another host than the
    workers. Kill it at any moment: the next one goes on, and nothing is sealed twice.
    """
    log_to_stderr()
    asyncio.run(_seal(Settings.load(config)))


async def _seal(settings: Settings) -> None:
    key, store = key_of(settings), store_of(settings)
    if problems := await asyncio.to_thread(store.check):
        raise ConfigurationError(problems[0], where=settings.where("audit"))
    client = await connect(identity="hemostat-sealer")
    await ensure_namespace(client)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    url = settings.audit.timestamps
    sealer = Sealer(
        client=client,
        store=store,
        key=key,
        vault=Vault.of(settings),
        every=settings.audit.every,
        timestamps=Timestamps(url) if url else None,
        reads=settings.state_folder / READS,
    )
    _say_ready(key.kid)
    await run_sealer(sealer, stop)


def _say_ready(kid: str) -> None:
    click.echo(f"sealing with key {kid} (process {os.getpid()})", err=True)
