"""``hemostat keys list``: which keys an incident trusts that opens now."""

from pathlib import Path

import click

from hemostat.cli import json_option, settings_option
from hemostat.keys import gateway_key, speakers_of
from hemostat.settings import Settings
from hemostat.terminal import document, line, table
from schemas.base import iso


@click.command
@settings_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List the keys that speak to incidents.

    Those that an incident is given which opens now; an open one keeps its own, and learns new ones by certificates.
    """
    settings = Settings.load(config)
    speakers, own = speakers_of(settings), gateway_key(settings)
    keys = speakers.keys if speakers else ()
    if as_json:
        rows = [{"key": key.kid, **key.model_dump(mode="json")} for key in keys]
        document({"keys": rows, "gateway": own.kid if own else None})
        return
    if not keys:
        line("No [identity]: nobody is asked to prove who they are.")
        return
    table(
        ("key", "speaks for", "until"),
        [
            (
                key.kid,
                key.person
                or (
                    "whom this gateway signed in"
                    if own and key.kid == own.kid
                    else "whom a gateway signed in"
                ),
                iso(key.until) if key.until else "-",
            )
            for key in keys
        ],
    )
