"""``hemostat up``: everything on one machine, until it is told to stop."""

import asyncio
import logging
import os
import signal
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from hemostat.cli import json_option, log_to_stderr, settings_option
from hemostat.identity.accounts import ROLES_OF_ONE_OPERATOR
from hemostat.identity.desk import accounts_of
from hemostat.room import lacking
from hemostat.settings import FILE_NAME, Settings
from hemostat.temporal import DEFAULT_ADDRESS
from hemostat.terminal import document, line
from hemostat.up import TEMPORAL_PORT, UI_PORT, Running, run_up
from hemostat.up.first_settings import write_first_settings

FIRST = "operator"
"""The name of the first account."""
_LOOK_FOR_ROOM_EVERY = 60.0

_log = logging.getLogger(__name__)


@click.command
@settings_option
@click.option("--temporal-port", default=TEMPORAL_PORT, show_default=True, type=int)
@click.option("--ui-port", default=UI_PORT, show_default=True, type=int)
@json_option
def command(config: Path | None, temporal_port: int, ui_port: int, as_json: bool) -> None:
    """Run everything on this machine.

    An embedded Temporal on a file, a worker, the gateway and the sealer. Killed at any moment and
    started again, it goes on where it was. Without settings it writes a first hemostat.toml. Stop it with
    Ctrl-C.
    """
    log_to_stderr()
    settings = _settings(config, quiet=as_json)
    asyncio.run(_up(settings, temporal_port, ui_port, as_json=as_json))


def _settings(config: Path | None, *, quiet: bool) -> Settings:
    file = config or Path(os.environ.get("HEMOSTAT_CONFIG", FILE_NAME))
    if not file.exists():
        write_first_settings(file)
        if not quiet:
            line("wrote ", (str(file), "bold"), " and a token for its alerts")
    return Settings.load(file)


async def _up(settings: Settings, temporal_port: int, ui_port: int, *, as_json: bool) -> None:
    stop, is_up = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def ready(running: Running) -> None:
        is_up.set()
        first = _first_account(settings)  # now, not before: a start that fails shows no secret
        if as_json:
            document({**asdict(running), **({"first_account": first} if first else {})})
        else:
            _print(running)
            _print_way_in(settings, running, first)
            line("Stop with Ctrl-C; open incidents go on with the next `hemostat up`.")

    running = asyncio.create_task(
        run_up(settings, stop, ready, temporal_port=temporal_port, ui_port=ui_port)
    )
    watching = asyncio.create_task(_watch_room(settings))
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not is_up.is_set():  # still starting, and told to stop: nothing of it is waited for
        running.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        watching.cancel()


async def _watch_room(settings: Settings) -> None:
    """Say it, again and again, where a disk is nearly full: nothing else would know."""
    while True:
        for problem in lacking(settings):
            _log.warning("%s", problem)
        await asyncio.sleep(_LOOK_FOR_ROOM_EVERY)


def _first_account(settings: Settings) -> dict[str, str]:
    """Make the first account where there is none yet and nobody could sign in otherwise.

    Where people are declared, an account is for one of them: `hemostat accounts add`.
    """
    identity = settings.identity
    if identity is None or not identity.local_accounts or identity.oidc or settings.people:
        return {}
    accounts = accounts_of(settings)
    if not accounts.none_yet:
        return {}
    return {"name": FIRST, "one_time_secret": accounts.add(FIRST, ROLES_OF_ONE_OPERATOR)}


def _print_way_in(settings: Settings, running: Running, first: dict[str, str]) -> None:
    if settings.identity is None:
        return
    line("  sign in     ", (f"{settings.public_url or running.gateway}/login", "bold"))
    if first:
        line(
            "              as ",
            (first["name"], "bold"),
            ", one-time secret, shown once: ",
            (first["one_time_secret"], "bold"),
        )
        line("              a second pair of eyes: hemostat accounts add NAME --role ROLE")
    elif _nobody_used(settings, FIRST):
        line("              as ", (FIRST, "bold"), ", with the secret that the first start showed")
        line("              lost it? hemostat accounts reset ", FIRST)


def _nobody_used(settings: Settings, name: str) -> bool:
    """Whether there is this account, and nobody chose its password yet."""
    account = accounts_of(settings).get(name)
    return account is not None and account.one_time


def _print(running: Running) -> None:
    line(("hemostat is up", "bold green"))
    line("  alerts      ", (f"{running.gateway}/alerts/SOURCE", "bold"))
    line("  Temporal UI ", (running.ui, "bold"))
    line("  settings    ", str(running.settings))
    line("  state       ", str(running.state))
    if running.temporal != DEFAULT_ADDRESS:
        line("  elsewhere   ", f"export TEMPORAL_ADDRESS={running.temporal}")
