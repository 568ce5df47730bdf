"""``hemostat decide``: a person's decision at a gate, and what became of it."""

import asyncio
import getpass
from pathlib import Path

import click

from hemostat.cli import json_option, key_option, server_option
from hemostat.decisions import decision_for, open_gate, role_for
from hemostat.gates_shown import show_gate
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import said_as, say, speaking_at
from hemostat.speaking import became_of, speak_alone
from hemostat.temporal import connect
from hemostat.terminal import line
from hemostat.terminal_voice import confirmed, tell, tell_answer
from schemas.errors import NotHeld
from schemas.gate import Choice, Decision
from schemas.incident import GateView
from schemas.journal import Entry


@click.command
@click.argument("incident")
@click.argument("gate")
@click.argument("choice", type=click.Choice([choice.value for choice in Choice]))
@click.option("--reason", required=True, help="Why; it becomes part of the record.")
@click.option("--as", "actor", help="Who decides: a person's id.  [default: who is signed in]")
@click.option("--role", help="In which role.  [default: the only one it can be]")
@click.option("--digest", help="Decide only if the gate still shows what has this digest.")
@key_option
@server_option
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
    server: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Approve or reject at a gate.

    The decision is bound to what GATE of INCIDENT shows now, and is used once. Exits 1 if the incident refused the decision, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    if login is not None:
        with Server.of(login) as there:
            chosen = Choice(choice)
            return _decide_there(
                there,
                incident,
                gate,
                chosen,
                person=login.person,
                reason=reason,
                role=role,
                digest=digest,
                yes=yes,
                as_json=as_json,
            )
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
    decision = _meant(
        incident, gate, choice, actor, role, reason, digest=digest, yes=yes, as_json=as_json
    )
    decision = await speak_alone(client, seen, decision, key)
    entry = await became_of(client, incident, decision, seen.journal_length)
    status = tell(decision, entry, {"decision": decision}, as_json=as_json)
    if not as_json:
        _tell_right(entry)
    return status


def _decide_there(
    there: Server,
    incident: str,
    gate_id: str,
    choice: Choice,
    *,
    person: str,
    reason: str,
    role: str | None,
    digest: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Decide at a gateway as *person*, who is signed in there."""
    asked = reading.gate(there, incident, gate_id)
    own = role or (asked.roles[0] if len(asked.roles) == 1 else None)
    decision = _meant(
        incident, asked.gate, choice, person, own, reason, digest=digest, yes=yes, as_json=as_json
    )
    answer = say(there, incident, decision)
    told = {"decision": said_as(decision, answer)}
    status = tell_answer(answer, told, as_json=as_json)
    if not as_json and answer.entry is not None:
        _tell_right(answer.entry)
    return status


def _meant(
    incident: str,
    gate: GateView,
    choice: Choice,
    actor: str,
    role: str | None,
    reason: str,
    *,
    digest: str | None,
    yes: bool,
    as_json: bool,
) -> Decision:
    """Show the gate, ask whether it is meant, and return the decision bound to what was shown."""
    if digest and digest != gate.digest:
        raise NotHeld(
            "the gate shows something else now",
            where=f"{incident} {gate.policy.id}",
            next_step="look again with `hemostat approvals`, then decide.",
        )
    if not as_json:
        show_gate(incident, gate)
    confirmed(f"{choice.value} as {actor}?", yes=yes, as_json=as_json)
    chosen = role_for(gate, role, actor)
    return decision_for(gate, choice, actor=actor, role=chosen, reason=reason)


def _tell_right(entry: Entry) -> None:
    """Tell by which right it counted."""
    right = entry.data.get("standing")
    if isinstance(right, dict):
        of = f" of {right['of']}" if right.get("of") else ""
        line(f"    as {right['claim']}{of} of the role {right['role']}")
