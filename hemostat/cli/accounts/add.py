"""``hemostat accounts add``: one more person who can sign in."""

from pathlib import Path

import click
from pydantic import ValidationError

from hemostat.cli import json_option, settings_option
from hemostat.identity.desk import accounts_of
from hemostat.settings import Settings
from hemostat.terminal import document, line
from schemas.errors import BadInput


@click.command
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="A role, where hemostat.toml declares none.")
@click.option("--auditor", is_flag=True, help="Reads everything and decides nothing.")
@settings_option
@json_option
def command(
    name: str, roles: tuple[str, ...], auditor: bool, config: Path | None, as_json: bool
) -> None:
    """Add an account for the person NAME.

    NAME is the id in [people] of hemostat.toml, where people are declared. The one-time secret is shown once; with it the person chooses a password.
    """
    try:
        secret = accounts_of(Settings.load(config)).add(name, roles, auditor=auditor)
    except ValidationError as error:
        raise BadInput(
            "this is no name", where=name[:63], next_step="lower-case letters, digits, hyphens."
        ) from error
    if as_json:
        document({"account": name, "one_time_secret": secret})
    else:
        line(("added ", "bold"), name)
        line("one-time secret, shown once: ", (secret, "bold"))
