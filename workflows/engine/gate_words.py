"""What the journal and Temporal's own UI say of gates."""

from datetime import datetime

from pydantic import JsonValue

from schemas.base import iso
from schemas.gate import Event, GatePolicy, Outcome
from schemas.gate_state import GateState

SAYS = {
    Event.REMINDER: "Reminder at gate {gate}: {roles}",
    Event.ESCALATED: "Nobody answered at gate {gate}: escalated to {roles}",
    Event.PROCEEDED: "Silence at gate {gate}: proceeds by policy",
    Event.HELD: "Silence at gate {gate}: held by policy",
    Event.EXPIRED: "The question at gate {gate} has expired",
    Event.POOL_TOO_SMALL: "Too few people for gate {gate}: escalated to {roles}",
    Event.NOBODY_LEFT: "Too few people for gate {gate}, and no rung is left: {roles} were asked",
}


def how_it_ended(state: GateState, outcome: Outcome) -> dict[str, JsonValue]:
    """How a gate ended, and by a rejection, which branch that takes."""
    ended: dict[str, JsonValue] = {
        "gate": state.policy.id,
        "outcome": outcome.value,
        "nonce": state.nonce,
    }
    branch = state.policy.on_reject if outcome is Outcome.REJECTED else ""
    return ended | {"on_reject": branch} if branch else ended


def due_of(state: GateState) -> str | None:
    """When silence takes effect; None for a standing offer."""
    return iso(state.deadline) if state.deadline else None


def asked_of_people(policy: GatePolicy) -> dict[str, JsonValue]:
    """What else is asked where people are declared."""
    return {
        "all_roles": policy.all_roles,
        "ladder": list(policy.ladder),
        "exclude": [excluded.value for excluded in policy.exclude],
        "step_up": policy.step_up,
    }


def what_is_next(state: GateState, due: datetime) -> str:
    """What a gate waits for until *due*."""
    agenda = state.agenda()
    by_time = state.fired < len(agenda) and agenda[state.fired].due == due
    return agenda[state.fired].event.value if by_time else "coming or going of people"
