"""``hemostat attest``: a containing step was done outside; the engine proves it."""

import asyncio
import getpass
import uuid
from pathlib import Path

import click

from hemostat.cli import speaker_options
from hemostat.incidents import view
from hemostat.temporal import connect
from hemostat.terminal_voice import role_of, speak_and_tell, still_open, understood
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
    as_json: bool,
) -> int:
    """Say that a step was done outside.

    STEP is a containing step that is under way. The engine does not act, and proves it like any other; until then it counts as not proven. Exits 1 if the incident refused it, with its reason.
    """
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
    still_open(seen)
    with understood("attest"):
        said = Attestation(
            id=str(uuid.uuid4()),
            actor=actor,
            role=role_of(seen, role, actor),
            reason=reason,
            step=step,
            evidence=evidence,
        )
    return await speak_and_tell(client, seen, said, key, as_json=as_json)
