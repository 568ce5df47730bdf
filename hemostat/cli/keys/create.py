"""``hemostat keys create``: a private key in a file of its own, and what to make known of it."""

from pathlib import Path

import click

from hemostat.cli import json_option
from hemostat.keys import create_key
from hemostat.terminal import document, line
from schemas.errors import BadInput


@click.command
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--person", help="Whose own key it is.  [default: a gateway's]")
@json_option
def command(file: Path, person: str | None, as_json: bool) -> None:
    """Create a private key in FILE, mode 0600.

    It never leaves the file. With --person it is that person's own key, with which not even the gateway can speak for them; what is printed goes into hemostat.toml, and holds for incidents that open from then on.
    """
    if person is not None and not _is_a_name(person):
        raise BadInput("this is no person's id", where="--person", next_step="as in [people].")
    key = create_key(file, person)
    if as_json:
        document({"file": str(file), "key": key.kid, "public": key.public, "person": person})
        return
    line(("created ", "bold"), str(file), ", key ", key.kid)
    if person is None:
        line("In hemostat.toml:")
        line("    [identity]")
        line(f'    key = "file:{file}"')
    else:
        line("In hemostat.toml of the gateway:")
        line("    [[identity.keys]]")
        line(f'    person = "{person}"')
        line(f'    public = "{key.public}"')


def _is_a_name(text: str) -> bool:
    return text[:1].isalnum() and text.replace("-", "a").isalnum() and text == text.lower()
