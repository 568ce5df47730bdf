"""``hemostat decide``: a person's decision at a gate, and what became of it."""

import asyncio
import getpass
from pathlib import Path

import click

from hemostat.cli import json_option, key_option
from hemostat.decisions import decision_for, open_gate, role_for
from hemostat.gates_shown import show_gate
from hemostat.speaking import became_of, speak_alone
from hemostat.temporal import connect
from hemostat.terminal import line
from hemostat.terminal_voice import confirmed, tell
from schemas.errors import NotHeld
from schemas.gate import Choice


@click.command
@click.argument("incident")
@click.argument("gate")
@click.argument("choice", type=click.Choice([choice.value for choice in Choice]))
@click.option("--reason", required=True, help="Why; it becomes part of the record.")
@click.option("--as", "actor", help="Who decides: a person's id.  [default: the login name]")
@click.option("--role", help="In which role.  [default: the only one it can be]")
@click.option("--digest", help="Decide only if the gate still shows what has this digest.")
@key_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation at a terminal.")
@json_option
def command(
    *,
    incident: str,
    gate: str,
    choice: str,
    reason: str,
    actor: str | None,
    role: str | None,
    digest: str | None,
    key: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Approve or reject at a gate.

    The decision is bound to what GATE of INCIDENT shows now, and is used once. Exits 1 if the incident refused the decision, with its reason.
    """
    return asyncio.run(
        _decide(
            incident,
            gate,
            Choice(choice),
            reason=reason,
            actor=actor or getpass.getuser(),
            role=role,
            digest=digest,
            key=key,
            yes=yes,
            as_json=as_json,
        )
    )


async def _decide(
    incident: str,
    gate_id: str,
    choice: Choice,
    *,
    reason: str,
    actor: str,
    role: str | None,
    digest: str | None,
    key: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    client = await connect(identity=f"hemostat-decide/{actor}")
    seen, gate = await open_gate(client, incident, gate_id)
    if digest and digest != gate.digest:
        raise NotHeld(
            "the gate shows something else now",
            where=f"{incident} {gate_id}",
            next_step="look again with `hemostat approvals`, then decide.",
        )
    if not as_json:
        show_gate(incident, gate)
    confirmed(f"{choice.value} as {actor}?", yes=yes, as_json=as_json)
    decision = decision_for(
        gate, choice, actor=actor, role=role_for(gate, role, actor), reason=reason
    )
    decision = await speak_alone(client, seen, decision, key)
    entry = await became_of(client, incident, decision, seen.journal_length)
    status = tell(decision, entry, {"decision": decision}, as_json=as_json)
    if not as_json and isinstance(right := entry.data.get("standing"), dict):
        of = f" of {right['of']}" if right.get("of") else ""
        line(f"    as {right['claim']}{of} of the role {right['role']}")
    return status
