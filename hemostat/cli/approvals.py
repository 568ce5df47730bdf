"""``hemostat approvals``: what waits for whom, over all open incidents."""

import asyncio
from typing import Any

import click

from hemostat.cli import json_option
from hemostat.gates_shown import described, show_gate
from hemostat.incidents import IncidentRow, views, waiting_incidents
from hemostat.temporal import connect
from hemostat.terminal import document, line
from schemas.errors import HemostatError
from schemas.gate import OnSilence
from schemas.incident import GateView, IncidentView

COUNSEL = "counsel"


@click.command
@click.option("--role", help="Only what waits for this role.")
@json_option
def command(role: str | None, as_json: bool) -> None:
    """List what waits for whom.

    Each open gate of every open incident: whom it asks, until when, and what it shows.
    """
    rows, answers = asyncio.run(_read(role))
    waiting: list[dict[str, Any]] = []
    for row, answer in zip(rows, answers, strict=True):
        waiting += _gates(row, answer, as_json=as_json)
    if as_json:
        document(waiting)
    elif not waiting:
        line("Nothing waits for anybody.")


async def _read(
    role: str | None,
) -> tuple[list[IncidentRow], list[IncidentView | HemostatError]]:
    client = await connect()
    rows = await waiting_incidents(client)
    if role:
        rows = [row for row in rows if role in row.waiting_for]
    return rows, await views(client, [row.id for row in rows])


def _gates(
    row: IncidentRow, answer: IncidentView | HemostatError, *, as_json: bool
) -> list[dict[str, Any]]:
    """Print the gates of one incident, unless for JSON, and return them."""
    if isinstance(answer, HemostatError):
        if not as_json:
            line((row.id, "bold"), f"  waits for {', '.join(row.waiting_for)}; {answer}")
        unknown = {"incident": row.id, "gate": None, "roles": row.waiting_for}
        return [unknown | {"error": answer.what, "next": answer.next_step}]
    asking = [gate for gate in answer.gates if gate.policy.on_silence is not OnSilence.STAND]
    clocks = _legal_clocks(row, asking)
    if not as_json and asking:
        line((row.id, "bold"), f"  {row.playbook} on {row.service}  {row.severity or ''}")
        for gate in asking:
            show_gate(row.id, gate)
        line()
    for waits in () if as_json else clocks:
        line((row.id, "bold"), f"  waits for counsel; {waits['next']}")
    return [described(row.id, gate) for gate in asking] + clocks


def _legal_clocks(row: IncidentRow, asking: list[GateView]) -> list[dict[str, Any]]:
    """What waits for counsel and is no gate: a legal clock that runs or is undecided."""
    if COUNSEL not in row.waiting_for or any(COUNSEL in gate.policy.roles for gate in asking):
        return []
    told = f"`hemostat clocks {row.id}` tells for what."
    return [{"incident": row.id, "gate": None, "roles": [COUNSEL], "next": told}]
