"""How an open gate is put before a person: what is asked, of whom, until when, and on what basis."""

import json
from datetime import UTC, datetime
from typing import Any

from hemostat.terminal import clean, line
from schemas.gate import OnSilence
from schemas.incident import GateView

_SILENCE = {
    OnSilence.PROCEED: "proceeds on silence",
    OnSilence.HOLD: "holds on silence",
    OnSilence.STAND: "a standing offer",
}


def show_gate(incident: str, gate: GateView) -> None:
    """Print *gate* with all that a decision would be bound to."""
    policy = gate.policy
    quorum = f", {policy.quorum} of them" if policy.quorum > 1 else ""
    quorum += ", each role" if policy.all_roles else ""
    by = f": {', '.join(f'{a.person} as {a.role}' for a in gate.approved)}" if gate.approved else ""
    line((policy.id, "bold magenta"), "  ", (policy.asks, "bold"), hang=4)
    line(f"    asks: {', '.join(policy.roles)}{quorum}  ({gate.approvals} approved so far{by})")
    until = f" until {gate.deadline:%Y-%m-%d %H:%M:%S}Z" if gate.deadline else ""
    held = "; silence has passed, it holds" if gate.held else ""
    soon = f", {left(gate)}" if gate.deadline and not gate.held else ""
    line(f"    {_SILENCE[policy.on_silence]}{until}{soon}{held}")
    if gate.may_decide:
        able = [
            f"{s.person} as {s.role}{'' if s.available else ' (away)'}" for s in gate.may_decide
        ]
        line("    may decide now: ", ", ".join(able), hang=6)
    if policy.on_reject:
        line("    rejecting: ", policy.on_reject, hang=6)
    for key, value in gate.shown.items():
        line("    ", (f"{clean(key)}: ", "dim"), _compact(value), hang=6)
    line(("    bound to " + gate.digest, "dim"))
    line((f"    hemostat decide {incident} {policy.id} approve|reject --reason TEXT", "dim"))


def left(gate: GateView) -> str:
    """Return how long people have still, in words; nothing where it has no timer."""
    if gate.deadline is None:
        return ""
    seconds = round((gate.deadline - datetime.now(UTC)).total_seconds())
    if seconds < 0:
        return "its time has passed"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} left"
    return f"{seconds} s left"


def described(incident: str, gate: GateView) -> dict[str, Any]:
    """Return *gate* as the JSON commands give it."""
    return {"incident": incident, "gate": gate.policy.id, **gate.model_dump(mode="json")}


def _compact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
