"""``hemostat accounts reset``: a new one-time secret for someone who lost the way in."""

from pathlib import Path

import click

from hemostat.cli import json_option, settings_option
from hemostat.identity.desk import accounts_of, sign_out
from hemostat.settings import Settings
from hemostat.terminal import document, line


@click.command
@click.argument("name")
@settings_option
@json_option
def command(name: str, config: Path | None, as_json: bool) -> None:
    """Give the account NAME a new one-time secret.

    Its password and its passkeys are gone; its sessions and tokens end at once.
    """
    settings = Settings.load(config)
    secret = accounts_of(settings).reset(name)
    sign_out(settings, name)
    if as_json:
        document({"account": name, "one_time_secret": secret})
    else:
        line(("reset ", "bold"), name)
        line("one-time secret, shown once: ", (secret, "bold"))
