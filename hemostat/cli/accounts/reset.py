"""``hemostat accounts reset``: a new one-time secret for someone who lost the way in."""

from pathlib import Path

import click

from hemostat.cli import json_option, settings_option
from hemostat.identity.desk import accounts_of
from hemostat.settings import Settings
from hemostat.terminal import document, line


@click.command
@click.argument("name")
@settings_option
@json_option
def command(name: str, config: Path | None, as_json: bool) -> None:
    """Give the account NAME a new one-time secret.

    Its password and its passkeys are gone; sessions that are open end within session_idle.
    """
    secret = accounts_of(Settings.load(config)).reset(name)
    if as_json:
        document({"account": name, "one_time_secret": secret})
    else:
        line(("reset ", "bold"), name)
        line("one-time secret, shown once: ", (secret, "bold"))
