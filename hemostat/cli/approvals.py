"""``hemostat approvals``: what waits for whom, over all open incidents."""

import asyncio
import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from hemostat.cli import json_option, server_option, settings_option
from hemostat.desk.inbox import legal_roles, roles_at, roles_that_ask, still_asked
from hemostat.incidents import views, waiting_incidents
from hemostat.incidents.gates_shown import described, show_gate
from hemostat.incidents.incident_row import IncidentRow
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.signed_in import login_at
from hemostat.remote.voice import understood
from hemostat.settings import FILE_NAME, FILE_VARIABLE, Settings
from hemostat.temporal import connect
from hemostat.terminal import document, line
from schemas.errors import BadInput, HemostatError
from schemas.gate import OnSilence
from schemas.incident import GateView, IncidentView
from schemas.who import Who

COUNSEL = "counsel"


@click.command
@click.option("--role", help="Only what waits for this role; with --as, in which that person is.")
@click.option("--mine", is_flag=True, help="Only what you may decide: --as with the login name.")
@click.option("--as", "person", help="Only what this person may decide now, by their id.")
@server_option
@settings_option
@json_option
def command(
    *,
    role: str | None,
    mine: bool,
    person: str | None,
    server: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """List what waits for whom.

    Each open gate of every open incident: whom it asks, until when, and what it shows. With --mine or --as only what that person may decide now, by the incident's own people; where an incident declares none, by the person's roles of hemostat.toml, or by --role.
    """
    if mine and person:
        raise click.UsageError("--mine and --as are two people: give one of them.")
    login = login_at(server)
    if login is not None:
        with Server.of(login) as there:
            who, rows, answers = _read_there(there, role, mine=mine, person=person)
    else:
        who = _somebody(person or getpass.getuser(), role, config) if mine or person else None
        rows, answers = asyncio.run(_read(None if who else role))
    waiting: list[dict[str, Any]] = []
    for row, answer in zip(rows, answers, strict=True):
        waiting += _gates(row, answer, as_json=as_json, who=who, role=role)
    if as_json:
        document(waiting)
    elif not waiting:
        line(f"Nothing waits for {who.person if who else 'anybody'}.")
        if mine and login is None:
            line("Nobody is signed in at this terminal; `hemostat login URL` says who you are.")


def _somebody(person: str, role: str | None, config: Path | None) -> Who:
    """Return *person* in the roles that hemostat.toml gives them, and in *role*."""
    with understood("approvals"):
        who = Who(
            person=person,
            subject=f"cli:{person}",
            roles=(role,) if role else (),
            method="cli",
            authenticated_at=datetime.now(UTC),
        )
    if config is None and FILE_VARIABLE not in os.environ and not Path(FILE_NAME).is_file():
        return who  # no settings here: the incidents' own people still tell
    return who.model_copy(update={"roles": tuple(roles_that_ask(Settings.load(config), who))})


def _read_there(
    there: Server, role: str | None, *, mine: bool, person: str | None
) -> tuple[Who | None, list[IncidentRow], list[IncidentView | HemostatError]]:
    """What waits, as the gateway has it; *mine* is what waits for who is signed in."""
    who = reading.me(there) if mine or person else None
    if who is not None and person not in (None, who.person):
        raise BadInput(
            f"you are signed in as {who.person}; what somebody else may decide is not told",
            where="--as",
            next_step="use --mine.",
        )
    rows = reading.waiting(there, None if who else role)
    if who is not None:
        mine_alone = reading.asked_of_me(there)
        rows = [row for row in rows if row.id in mine_alone]
    return who, rows, [reading.view_or_why_not(there, row.id) for row in rows]


async def _read(
    role: str | None,
) -> tuple[list[IncidentRow], list[IncidentView | HemostatError]]:
    client = await connect()
    rows = await waiting_incidents(client)
    if role:
        rows = [row for row in rows if role in row.waiting_for]
    return rows, await views(client, [row.id for row in rows])


def _gates(
    row: IncidentRow,
    answer: IncidentView | HemostatError,
    *,
    as_json: bool,
    who: Who | None = None,
    role: str | None = None,
) -> list[dict[str, Any]]:
    """Print the gates of one incident, of *who* alone if given, unless for JSON; return them."""
    if isinstance(answer, HemostatError):
        if not as_json:
            line((row.id, "bold"), f"  waits for {', '.join(row.waiting_for)}; {answer}")
        unknown = {"incident": row.id, "gate": None, "roles": row.waiting_for}
        return [unknown | {"error": answer.what, "next": answer.next_step}]
    asking = [gate for gate in answer.gates if gate.policy.on_silence is not OnSilence.STAND]
    clocks = _legal_clocks(row, asking) if who is None or legal_roles(who) else []
    mine = {gate.policy.id: _roles(gate, who, role) for gate in asking} if who else {}
    if who:
        asking = [gate for gate in asking if mine[gate.policy.id]]
    if not as_json and asking:
        line((row.id, "bold"), f"  {row.playbook} on {row.service}  {row.severity or ''}")
        for gate in asking:
            show_gate(row.id, gate)
            if who:
                line(f"    {who.person} decides as {' or '.join(mine[gate.policy.id])}")
        line()
    for waits in () if as_json else clocks:
        line((row.id, "bold"), f"  waits for counsel; {waits['next']}")
    listed = [described(row.id, gate) for gate in asking]
    if who:
        listed = [gate | {"yours_as": mine[gate["gate"]]} for gate in listed]
    return listed + clocks


def _roles(gate: GateView, who: Who, role: str | None) -> list[str]:
    """The roles in which *who* may decide at *gate* now; only *role*, if one was asked for."""
    asked = still_asked(gate, who.person, roles_at(gate, who))
    return [name for name in asked if role in (None, name)]


def _legal_clocks(row: IncidentRow, asking: list[GateView]) -> list[dict[str, Any]]:
    """What waits for counsel and is no gate: a legal clock that runs or is undecided."""
    if COUNSEL not in row.waiting_for or any(COUNSEL in gate.policy.roles for gate in asking):
        return []
    told = f"`hemostat clocks {row.id}` tells for what."
    return [{"incident": row.id, "gate": None, "roles": [COUNSEL], "next": told}]
