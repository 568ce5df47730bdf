"""``hemostat keys rotate``: the key that follows another one, introduced by it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from hemostat.cli import json_option
from hemostat.keys import load_key, rotate
from hemostat.settings.values import parse_duration
from hemostat.terminal import document, line
from schemas.base import iso
from schemas.errors import BadInput


@click.command
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--person", help="Whose own key it is.  [default: a gateway's]")
@click.option(
    "--retires", default="1h", show_default=True, help="When OLD falls silent: 0s, 1h ..."
)
@json_option
def command(old: Path, new: Path, person: str | None, retires: str, as_json: bool) -> None:
    """Create the key NEW, introduced by OLD.

    Open incidents learn NEW from the certificate beside it with the first thing that it signs, and hear OLD until it retires. New incidents trust what hemostat.toml names: put NEW there.
    """
    now = datetime.now(UTC)
    key, certificate = rotate(load_key(old, person), new, now, now + _duration(retires))
    ends = iso(certificate.retires) if certificate.retires else None
    if as_json:
        document({"file": str(new), "key": key.kid, "public": key.public, "old_retires": ends})
        return
    line(("created ", "bold"), str(new), ", key ", key.kid, f", introduced by {certificate.by}")
    line(f"An open incident that has heard of it does not hear the old one from {ends} on.")
    line("Name the new one in [identity] of hemostat.toml, and start the gateway again.")


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadInput(str(error), where="--retires", next_step='such as "1h".') from error
