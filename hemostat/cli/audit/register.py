"""``hemostat audit register``: the chain of all incidents, for auditors to compare packs with."""

from pathlib import Path

import click

from hemostat.audit.setup import store_of
from hemostat.audit.store import register_name
from hemostat.cli import json_option, settings_option
from hemostat.settings import Settings
from hemostat.terminal import document, line
from schemas.errors import ConfigurationError


@click.command
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file to write; nothing is replaced.",
)
@settings_option
@json_option
def command(output: Path, config: Path | None, as_json: bool) -> None:
    """Export the register of all incidents.

    One signed line for each opening and each close, drills and aborted ones included. `hemostat audit verify --register` compares
    it with the packs it is given.
    """
    store, count = store_of(Settings.load(config)), 0
    try:
        with output.open("xb") as file:
            while (stored := store.get(register_name(count))) is not None:
                file.write(stored + b"\n")
                count += 1
    except OSError as error:
        raise ConfigurationError(
            f"the register cannot be written ({error.strerror})",
            where=str(output),
            next_step="name a new file in a folder that exists.",
        ) from error
    if as_json:
        document({"file": str(output), "entries": count})
    else:
        line((str(output), "bold"), f"  {count} entries")
