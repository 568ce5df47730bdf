"""A person's decision in the making: the open gate, bound to what it shows, in the right role.

What is said then goes by ``hemostat.speaking``.
"""

import uuid

from temporalio.client import Client

from hemostat.incidents import view
from schemas.errors import BadInput, NotHeld
from schemas.gate import Choice, Decision
from schemas.incident import GateView, IncidentView


async def open_gate(client: Client, incident: str, gate: str) -> tuple[IncidentView, GateView]:
    """Return the incident and its gate; raise ``NotHeld`` if that gate is not open now."""
    seen = await view(client, incident)
    for candidate in seen.gates:
        if candidate.policy.id == gate:
            return seen, candidate
    names = ", ".join(candidate.policy.id for candidate in seen.gates) or "none"
    raise NotHeld("this gate is not open", where=f"{incident} {gate}", next_step=f"open: {names}.")


def decision_for(gate: GateView, choice: Choice, *, actor: str, role: str, reason: str) -> Decision:
    """Return a decision bound to what *gate* shows, under an id of its own."""
    return Decision(
        decision_id=str(uuid.uuid4()),
        gate=gate.policy.id,
        nonce=gate.nonce,
        digest=gate.digest,
        choice=choice,
        actor=actor,
        role=role,
        reason=reason,
    )


def role_for(gate: GateView, asked: str | None, actor: str = "") -> str:
    """Return the role to decide in: the one asked for, else the only one that can be meant.

    That is the only one that *actor* may decide in, or the only one that the gate asks.
    """
    if asked:
        return asked
    own = {standing.role for standing in gate.may_decide if standing.person == actor}
    if len(own) == 1:
        return own.pop()
    if len(gate.policy.roles) == 1:
        return gate.policy.roles[0]
    raise BadInput(
        "the gate asks more than one role",
        where=gate.policy.id,
        next_step=f"name yours with --role: {', '.join(gate.policy.roles)}.",
    )
