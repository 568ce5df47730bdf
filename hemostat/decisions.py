"""A person's decision on its way: read the open gate, send the signal, see what became of it.

The signal changes nothing by being sent: the incident takes it or refuses it with a reason, and
either stands in the journal under the decision's id.
"""

import asyncio
import uuid
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from hemostat.incidents import journal_from, view
from schemas.errors import BadInput, NotHeld, SystemUnreachable
from schemas.gate import Choice, Decision
from schemas.incident import GateView, IncidentView
from schemas.journal import Entry, Kind

JOURNALED_WITHIN: Final = timedelta(seconds=15)
_LOOK_EVERY_SECONDS: Final = 0.1
_SEND_WITHIN: Final = timedelta(seconds=5)


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


async def send(client: Client, incident: str, decision: Decision) -> None:
    """Send the ``decide`` signal."""
    handle = client.get_workflow_handle(incident)
    try:
        await handle.signal("decide", decision, rpc_timeout=_SEND_WITHIN)
    except RPCError as error:
        raise SystemUnreachable(
            f"Temporal did not take the decision ({error.status.name})",
            where=incident,
            next_step="see whether the incident is still open, and decide again.",
        ) from error


async def became_of(client: Client, incident: str, decision: Decision, start: int) -> Entry:
    """Return the journal entry that tells what became of *decision*, looking from *start* on."""
    try:
        async with asyncio.timeout(JOURNALED_WITHIN.total_seconds()):
            while True:
                for entry in await journal_from(client, incident, start):
                    decided = entry.kind in (Kind.DECISION, Kind.REFUSED)
                    if decided and entry.data.get("decision") == decision.decision_id:
                        return entry
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
    except TimeoutError as error:
        raise SystemUnreachable(
            "the decision was sent and has not been looked at yet",
            where=incident,
            next_step="`hemostat show` tells what became of it; sending it again does no harm.",
        ) from error
