"""``hemostat break-glass``: who is declared for it may then decide alone at a gate, for a time."""

import asyncio
import getpass
import uuid
from pathlib import Path

import click

from hemostat.cli import speaker_options, yes_option
from hemostat.incidents.gates_shown import show_gate
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import speaking_at
from hemostat.remote.voice import confirmed, say_there_and_tell, speak_and_tell, understood
from hemostat.speaking.decisions import open_gate
from hemostat.temporal import connect
from schemas.gate import BreakGlassUse
from schemas.incident import GateView


@click.command
@click.argument("incident")
@click.argument("gate")
@speaker_options
@yes_option
def command(
    *,
    incident: str,
    gate: str,
    reason: str,
    actor: str | None,
    key: Path | None,
    server: str | None,
    as_json: bool,
    yes: bool,
) -> int:
    """Break the glass at a gate, to decide alone.

    For people of [break_glass] in hemostat.toml: they may then decide at GATE in the role break-glass, for a time. The CISO is paged, and the incident does not close before somebody else has reviewed it. Exits 1 if the incident refused it, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    if login is not None:
        with Server.of(login) as there:
            shown = reading.gate(there, incident, gate).gate
            said = _meant(incident, shown, login.person, reason, yes=yes, as_json=as_json)
            return say_there_and_tell(there, incident, said, as_json=as_json)
    person = actor or getpass.getuser()
    return asyncio.run(_break(incident, gate, reason, person, key, yes=yes, as_json=as_json))


async def _break(
    incident: str,
    gate_id: str,
    reason: str,
    actor: str,
    key: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    client = await connect(identity=f"hemostat-break-glass/{actor}")
    seen, gate = await open_gate(client, incident, gate_id)
    said = _meant(incident, gate, actor, reason, yes=yes, as_json=as_json)
    return await speak_and_tell(client, seen, said, key, as_json=as_json)


def _meant(
    incident: str, gate: GateView, actor: str, reason: str, *, yes: bool, as_json: bool
) -> BreakGlassUse:
    """Show the gate, ask whether it is meant, and return what is said."""
    with understood("break-glass"):
        said = BreakGlassUse(
            use_id=str(uuid.uuid4()),
            gate=gate.policy.id,
            nonce=gate.nonce,
            actor=actor,
            reason=reason,
        )
    if not as_json:
        show_gate(incident, gate)
    confirmed(f"break the glass as {actor}?", yes=yes, as_json=as_json)
    return said
