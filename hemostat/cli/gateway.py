"""``hemostat gateway``: alerts in, over HTTP, until it is told to stop."""

import asyncio
from pathlib import Path

import click

from hemostat.cli import log_to_stderr, settings_option
from hemostat.gateway.server import serve
from hemostat.settings import Settings


@click.command
@settings_option
def command(config: Path | None) -> None:
    """Take alerts over HTTP.

    They start or join their incidents: POST /alerts/SOURCE, with the source's bearer token. While Temporal is down alerts are refused
    with 503, so that the sender keeps them.
    """
    log_to_stderr()
    asyncio.run(serve(Settings.load(config)))
