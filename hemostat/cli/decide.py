"""``hemostat decide``: a person's decision at a gate, and what became of it."""

import asyncio
import getpass
from dataclasses import dataclass, replace
from pathlib import Path

import click

from hemostat.cli import json_option, key_option, server_option
from hemostat.incidents.gates_shown import show_gate
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import said_as, say, speaking_at
from hemostat.remote.voice import confirmed, tell, tell_answer
from hemostat.speaking import became_of, speak_alone
from hemostat.speaking.decisions import decision_for, open_gate, role_for
from hemostat.temporal import connect
from hemostat.terminal import line
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
    wish = _Wish(Choice(choice), reason, role, digest, yes, as_json)
    login = speaking_at(server, actor=actor, key=key)
    if login is not None:
        with Server.of(login) as there:
            return _decide_there(there, login.person, incident, gate, wish)
    return asyncio.run(_decide(incident, gate, actor or getpass.getuser(), key, wish))


@dataclass(frozen=True)
class _Wish:
    """What was typed."""

    choice: Choice
    reason: str
    role: str | None
    digest: str | None
    yes: bool
    as_json: bool

    def at(self, incident: str, gate: GateView, actor: str) -> Decision:
        """Show *gate*, ask whether it is meant, and return the decision bound to what it shows."""
        if self.digest and self.digest != gate.digest:
            raise NotHeld(
                "the gate shows something else now",
                where=f"{incident} {gate.policy.id}",
                next_step="look again with `hemostat approvals`, then decide.",
            )
        if not self.as_json:
            show_gate(incident, gate)
        confirmed(f"{self.choice.value} as {actor}?", yes=self.yes, as_json=self.as_json)
        role = role_for(gate, self.role, actor)
        return decision_for(gate, self.choice, actor=actor, role=role, reason=self.reason)


async def _decide(incident: str, gate_id: str, actor: str, key: Path | None, wish: _Wish) -> int:
    client = await connect(identity=f"hemostat-decide/{actor}")
    seen, gate = await open_gate(client, incident, gate_id)
    decision = await speak_alone(client, seen, wish.at(incident, gate, actor), key)
    entry = await became_of(client, incident, decision, seen.journal_length)
    status = tell(decision, entry, {"decision": decision}, as_json=wish.as_json)
    if not wish.as_json:
        _tell_right(entry)
    return status


def _decide_there(there: Server, person: str, incident: str, gate_id: str, wish: _Wish) -> int:
    """Decide at a gateway as *person*, who is signed in there."""
    asked = reading.gate(there, incident, gate_id)
    if wish.role is None and len(asked.roles) == 1:
        wish = replace(wish, role=asked.roles[0])
    decision = wish.at(incident, asked.gate, person)
    answer = say(there, incident, decision)
    told = {"decision": said_as(decision, answer)}
    status = tell_answer(answer, told, as_json=wish.as_json)
    if not wish.as_json and answer.entry is not None:
        _tell_right(answer.entry)
    return status


def _tell_right(entry: Entry) -> None:
    """Tell by which right it counted."""
    right = entry.data.get("standing")
    if isinstance(right, dict):
        of = f" of {right['of']}" if right.get("of") else ""
        line(f"    as {right['claim']}{of} of the role {right['role']}")
