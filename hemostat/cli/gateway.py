"""``hemostat gateway``: alerts in, over HTTP, until it is told to stop."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import click

from hemostat.cli import log_to_stderr, settings_option
from hemostat.cli.check import findings
from hemostat.cli.drill import SCENARIOS
from hemostat.console.book import book_of
from hemostat.gateway.server import Insight, serve
from hemostat.settings import Settings
from schemas.errors import HemostatError
from workers.registry import discover_playbooks, spec_of


@click.command
@settings_option
def command(config: Path | None) -> None:
    """Take alerts over HTTP.

    They start or join their incidents: POST /alerts/SOURCE, with the source's bearer token. While Temporal is down alerts are refused
    with 503, so that the sender keeps them.
    """
    log_to_stderr()
    asyncio.run(serve(Settings.load(config), _insight(config)))


def _insight(config: Path | None) -> Insight:
    """What the console shows of the code and of this machine; nothing here reaches out yet."""

    async def look() -> tuple[list[HemostatError], list[str]]:
        found = await findings(config)
        return [*found.configuration, *found.reachability], found.fine

    books = [book_of(made, spec_of(made)) for _, made in sorted(discover_playbooks().items())]
    can_drill = all(find_spec(name) for name in ("mlflow", "sklearn", "trustme"))
    return Insight(tuple(books), look, SCENARIOS if can_drill else ())
