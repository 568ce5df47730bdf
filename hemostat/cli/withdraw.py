"""``hemostat withdraw``: a person takes back their own approval while it is not used."""

import asyncio
import getpass
import uuid
from collections.abc import Sequence
from pathlib import Path

import click

from hemostat.cli import speaker_options
from hemostat.desk.messages import last_approval
from hemostat.incidents import journal_from, view
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import speaking_at
from hemostat.remote.voice import say_there_and_tell, speak_and_tell, still_open, understood
from hemostat.temporal import connect
from schemas.errors import NotHeld
from schemas.gate import Withdrawal
from schemas.journal import Entry


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
    server: str | None,
    as_json: bool,
) -> int:
    """Take back your own approval.

    It counts until the outcome of GATE is used. Exits 1 if the incident refused it, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    if login is not None:
        with Server.of(login) as there:
            still_open(reading.view(there, incident))
            made = decision or _last(
                reading.journal(there, incident).entries, incident, gate, login.person
            )
            said = _withdrawal(made, gate, login.person, reason)
            return say_there_and_tell(there, incident, said, as_json=as_json)
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
    made = decision or _last(await journal_from(client, incident, 0), incident, gate, actor)
    said = _withdrawal(made, gate, actor, reason)
    return await speak_and_tell(client, seen, said, key, as_json=as_json)


def _withdrawal(made: str, gate: str, actor: str, reason: str) -> Withdrawal:
    with understood("withdraw"):
        return Withdrawal(
            withdrawal_id=str(uuid.uuid4()),
            decision_id=made,
            gate=gate,
            actor=actor,
            reason=reason,
        )


def _last(entries: Sequence[Entry], incident: str, gate: str, actor: str) -> str:
    made = last_approval(entries, actor, gate)
    if made is None:
        raise NotHeld(
            f"there is no approval of {actor} to take back",
            where=f"{incident} {gate}",
            next_step=f"`hemostat show {incident}` has every decision; name one: --decision ID.",
        )
    return made
