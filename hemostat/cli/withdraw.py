"""``hemostat withdraw``: a person takes back their own approval while it is not used."""

import asyncio
import getpass
import uuid
from pathlib import Path

import click
from temporalio.client import Client

from hemostat.cli import speaker_options
from hemostat.desk.messages import last_approval
from hemostat.incidents import journal_from, view
from hemostat.temporal import connect
from hemostat.terminal_voice import speak_and_tell, still_open, understood
from schemas.errors import NotHeld
from schemas.gate import Withdrawal


@click.command
@click.argument("incident")
@click.argument("gate")
@click.option("--decision", help="Which approval, by its id.  [default: your last at this gate]")
@speaker_options
def command(
    *,
    incident: str,
    gate: str,
    decision: str | None,
    reason: str,
    actor: str | None,
    key: Path | None,
    as_json: bool,
) -> int:
    """Take back your own approval.

    It counts until the outcome of GATE is used. Exits 1 if the incident refused it, with its reason.
    """
    person = actor or getpass.getuser()
    return asyncio.run(_withdraw(incident, gate, decision, reason, person, key, as_json=as_json))


async def _withdraw(
    incident: str,
    gate: str,
    decision: str | None,
    reason: str,
    actor: str,
    key: Path | None,
    *,
    as_json: bool,
) -> int:
    client = await connect(identity=f"hemostat-withdraw/{actor}")
    seen = await view(client, incident)
    still_open(seen)
    made = decision or await _last(client, incident, gate, actor)
    with understood("withdraw"):
        said = Withdrawal(
            withdrawal_id=str(uuid.uuid4()),
            decision_id=made,
            gate=gate,
            actor=actor,
            reason=reason,
        )
    return await speak_and_tell(client, seen, said, key, as_json=as_json)


async def _last(client: Client, incident: str, gate: str, actor: str) -> str:
    made = last_approval(await journal_from(client, incident, 0), actor, gate)
    if made is None:
        raise NotHeld(
            f"there is no approval of {actor} to take back",
            where=f"{incident} {gate}",
            next_step=f"`hemostat show {incident}` has every decision; name one: --decision ID.",
        )
    return made
