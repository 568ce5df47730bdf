"""``hemostat accounts remove``: someone who signs in no more, at once."""

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
    """Remove the account NAME; its sessions and tokens end at once."""
    settings = Settings.load(config)
    accounts_of(settings).remove(name)
    sign_out(settings, name)  # whoever is given this name later begins anew
    if as_json:
        document({"account": name, "removed": True})
    else:
        line(("removed ", "bold"), name)
