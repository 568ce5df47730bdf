"""``hemostat draft``: another text for what a gate asks to send, or for what was rejected there."""

import asyncio
import getpass
import uuid
from pathlib import Path

import click

from hemostat.cli import speaker_options
from hemostat.incidents import view
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import speaking_at
from hemostat.remote.voice import say_there_and_tell, speak_and_tell, still_open, understood
from hemostat.temporal import connect
from schemas.errors import BadInput
from schemas.statements import Draft

MOST_BYTES = 80_000
"""A text of 20,000 characters has no more in UTF-8."""


@click.command
@click.argument("incident")
@click.argument("gate")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--role", default="counsel", show_default=True, help="In which role.")
@speaker_options
def command(
    *,
    incident: str,
    gate: str,
    file: Path,
    role: str,
    reason: str,
    actor: str | None,
    key: Path | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Write a text anew that was rejected.

    For what GATE of INCIDENT asks to send, or rejected. FILE holds the text in UTF-8, at most 20,000 characters. The gate is asked anew about exactly this text, and who wrote it does not approve it. A text that was rejected is refused. Exits 1 if the incident refused it, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    text = _text_in(file)
    with understood("draft"):
        said = Draft(
            id=str(uuid.uuid4()),
            actor=login.person if login else actor or getpass.getuser(),
            role=role,
            reason=reason,
            gate=gate,
            text=text,
        )
    if login is not None:
        with Server.of(login) as there:
            still_open(reading.view(there, incident))
            return say_there_and_tell(there, incident, said, as_json=as_json)
    return asyncio.run(_draft(incident, said, key, as_json=as_json))


def _text_in(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            read = opened.read(MOST_BYTES + 1)
        text = read.decode()
    except OSError as error:
        why = error.strerror or "cannot be read"
        raise BadInput(why, where=str(file), next_step="name a file that you can read.") from error
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", where=str(file), next_step="save it as UTF-8.") from error
    if not text.strip() or len(read) > MOST_BYTES:
        raise BadInput(
            "no text, or more than 20,000 characters",
            where=str(file),
            next_step="write what is to be sent, as it is to be sent.",
        )
    return text


async def _draft(incident: str, said: Draft, key: Path | None, *, as_json: bool) -> int:
    client = await connect(identity=f"hemostat-draft/{said.actor}")
    seen = await view(client, incident)
    still_open(seen)
    return await speak_and_tell(client, seen, said, key, as_json=as_json)
