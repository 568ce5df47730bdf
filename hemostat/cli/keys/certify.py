"""``hemostat keys certify``: introduce a key that was created elsewhere."""

from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import ValidationError

from hemostat.cli import json_option
from hemostat.keys import introduction, load_key
from hemostat.terminal import document, line
from schemas.errors import BadInput
from schemas.speakers import SpeakerKey


@click.command
@click.argument("key", type=click.Path(path_type=Path))
@click.argument("public")
@click.option("--person", help="Whose own keys both are.  [default: gateways']")
@json_option
def command(key: Path, public: str, person: str | None, as_json: bool) -> None:
    """Sign with KEY that the key PUBLIC speaks as well.

    PUBLIC is a public key in hex. The line that is printed goes into FILE.certificates beside the new private key's FILE; open incidents that trust KEY then learn it.
    """
    now = datetime.now(UTC)
    try:
        new = SpeakerKey(public=public, person=person, since=now)
    except ValidationError as error:
        raise BadInput(
            "this is no public key, or no person's id", next_step="64 hexadecimal digits."
        ) from error
    signed = introduction(load_key(key, person), new, now)
    if as_json:
        document({"key": new.kid, "certificate": signed})
    else:
        line(signed)
