"""``hemostat attest``: a containing step was done outside; the engine proves it."""

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
from hemostat.remote.voice import (
    role_of,
    say_there_and_tell,
    speak_and_tell,
    still_open,
    understood,
)
from hemostat.temporal import connect
from schemas.incident import IncidentView
from schemas.statements import Attestation


@click.command
@click.argument("incident")
@click.argument("step")
@click.option("--role", help="In which role.  [default: the only one you may decide in now]")
@click.option(
    "--evidence", multiple=True, metavar="DIGEST", help="What shows it, by digest; repeatable."
)
@speaker_options
def command(
    *,
    incident: str,
    step: str,
    role: str | None,
    evidence: tuple[str, ...],
    reason: str,
    actor: str | None,
    key: Path | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Say that a step was done outside.

    STEP is a containing step that is under way. The engine does not act, and proves it like any other; until then it counts as not proven. Exits 1 if the incident refused it, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    if login is not None:
        with Server.of(login) as there:
            seen = reading.view(there, incident)
            said = _attestation(seen, login.person, step, role, evidence, reason)
            return say_there_and_tell(there, incident, said, as_json=as_json)
    return asyncio.run(
        _attest(
            incident,
            step,
            role=role,
            evidence=evidence,
            reason=reason,
            actor=actor or getpass.getuser(),
            key=key,
            as_json=as_json,
        )
    )


async def _attest(
    incident: str,
    step: str,
    *,
    role: str | None,
    evidence: tuple[str, ...],
    reason: str,
    actor: str,
    key: Path | None,
    as_json: bool,
) -> int:
    client = await connect(identity=f"hemostat-attest/{actor}")
    seen = await view(client, incident)
    said = _attestation(seen, actor, step, role, evidence, reason)
    return await speak_and_tell(client, seen, said, key, as_json=as_json)


def _attestation(
    seen: IncidentView,
    actor: str,
    step: str,
    role: str | None,
    evidence: tuple[str, ...],
    reason: str,
) -> Attestation:
    still_open(seen)
    with understood("attest"):
        return Attestation(
            id=str(uuid.uuid4()),
            actor=actor,
            role=role_of(seen, role, actor),
            reason=reason,
            step=step,
            evidence=evidence,
        )
