"""``hemostat incidents``: the list, open ones first."""

import asyncio

import click

from hemostat.cli import json_option, server_option
from hemostat.incidents import list_incidents
from hemostat.incidents.incident_row import IncidentRow
from hemostat.remote.reading import rows as rows_there
from hemostat.remote.server import Server
from hemostat.remote.signed_in import login_at
from hemostat.temporal import connect
from hemostat.terminal import document, line, table, width

_WIDE = 120
"""Characters that the table needs."""


@click.command
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many to list at most.",
)
@server_option
@json_option
def command(limit: int, server: str | None, as_json: bool) -> None:
    """List incidents, open ones first.

    Comes from Temporal alone and needs no worker; from a gateway, those that you may see.
    """
    login = login_at(server)
    if login is None:
        rows = asyncio.run(_list(limit))
    else:
        with Server.of(login) as there:
            rows = rows_there(there, limit)
    if as_json:
        document(rows)
    elif not rows:
        line("No incidents. An alert opens one by itself; `hemostat check` tells if it would.")
    elif (width() or _WIDE) < _WIDE:
        for row in rows:
            _print_in_two_lines(row)
    else:
        head = ("incident", "service", "phase", "severity", "containment", "waits for", "opened")
        table(head, [_cells(row) for row in rows])
    if rows and not as_json:
        _print_next()


def _print_in_two_lines(row: IncidentRow) -> None:
    """For a narrow terminal: the id stays whole, to be copied."""
    id_, service, phase, severity, containment, waits, opened = _cells(row)
    line((f"{severity:<6} ", "bold"), (id_, "bold"), f"  {opened}")
    line(f"       {service}  {phase}  containment: {containment}  waits for: {waits}", hang=7)


def _print_next() -> None:
    """At a terminal: what to look at from here."""
    if width() is not None:
        line()
        line(
            (
                "`hemostat show INCIDENT` has one, `hemostat approvals --mine` what waits for you.",
                "dim",
            )
        )


async def _list(limit: int) -> list[IncidentRow]:
    return await list_incidents(await connect(), limit)


def _cells(row: IncidentRow) -> tuple[str, ...]:
    phase = (row.phase or "?") if row.open else row.status
    return (
        row.id,
        row.service,
        phase,
        row.severity or "?",
        row.containment or "?",
        ", ".join(row.waiting_for) if row.open and row.waiting_for else "-",
        f"{row.opened_at:%Y-%m-%d %H:%M:%S}Z",
    )
