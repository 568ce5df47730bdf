"""``hemostat suspect``: a person and their delegates take no part in an incident any more."""

import asyncio
import getpass
import uuid
from pathlib import Path

import click

from hemostat.cli import speaker_options, yes_option
from hemostat.incidents import view
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import speaking_at
from hemostat.remote.voice import (
    confirmed,
    say_there_and_tell,
    speak_and_tell,
    still_open,
    understood,
)
from hemostat.temporal import connect
from schemas.statements import NAMES_SUSPECTS, Suspicion

_FOR_GOOD = "exclude {}? it cannot be taken back"


@click.command
@click.argument("incident")
@click.argument("person")
@click.option(
    "--role",
    type=click.Choice(NAMES_SUSPECTS),
    default="commander",
    show_default=True,
    help="In which role.",
)
@speaker_options
@yes_option
def command(
    *,
    incident: str,
    person: str,
    role: str,
    reason: str,
    actor: str | None,
    key: Path | None,
    server: str | None,
    as_json: bool,
    yes: bool,
) -> int:
    """Exclude a person from an incident.

    PERSON and their delegates leave every pool, page and listing of INCIDENT; the journal does not name them, and nothing of it is shown to them. It cannot be taken back. Exits 1 if the incident refused it, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    with understood("suspect"):
        said = Suspicion(
            id=str(uuid.uuid4()),
            actor=login.person if login else actor or getpass.getuser(),
            role=role,
            reason=reason,
            person=person,
        )
    if login is not None:
        with Server.of(login) as there:
            still_open(reading.view(there, incident))
            confirmed(_FOR_GOOD.format(person), yes=yes, as_json=as_json)
            return say_there_and_tell(there, incident, said, as_json=as_json)
    return asyncio.run(_suspect(incident, said, key, yes=yes, as_json=as_json))


async def _suspect(
    incident: str, said: Suspicion, key: Path | None, *, yes: bool, as_json: bool
) -> int:
    client = await connect(identity=f"hemostat-suspect/{said.actor}")
    seen = await view(client, incident)
    still_open(seen)
    confirmed(_FOR_GOOD.format(said.person), yes=yes, as_json=as_json)
    return await speak_and_tell(client, seen, said, key, as_json=as_json)
