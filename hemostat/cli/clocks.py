"""``hemostat clocks``: the legal clocks of one incident, and what is due when."""

import asyncio

import click

from hemostat.cli import json_option, server_option
from hemostat.incidents import legal_clocks
from hemostat.incidents.clocks_shown import addressed_to, other_readings
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.signed_in import login_at
from hemostat.temporal import connect
from hemostat.terminal import document, line, table, width
from schemas.clocks.view import ClockRow, ClocksView

_WIDE = 140
"""Characters that the table needs."""


@click.command
@click.argument("incident")
@click.option("--run", "run_id", help="An earlier run of a reopened incident.")
@server_option
@json_option
def command(incident: str, run_id: str | None, server: str | None, as_json: bool) -> None:
    """Show the legal clocks of one incident.

    For each: its state, when it is due in the strict and in the legal reading, and to whom. This is no legal advice.
    """
    login = login_at(server)
    if login is not None:
        with Server.of(login) as there:
            seen = reading.clocks(there, incident, run_id)
    else:
        seen = asyncio.run(_read(incident, run_id))
    if as_json:
        document(seen.model_dump(mode="json"))
    else:
        _print(incident, seen)


async def _read(incident: str, run_id: str | None) -> ClocksView:
    return await legal_clocks(await connect(), incident, run_id)


def _print(incident: str, seen: ClocksView) -> None:
    line((seen.notice, "yellow"))
    if not seen.clocks:
        line(f"{incident}: its service declares no legal regimes.")
        return
    line((incident, "bold"), f"  regimes: {', '.join(seen.regimes)}")
    line(f"countries: {', '.join(seen.countries) or 'none'}  catalogue: {seen.catalogue}")
    line()
    if (width() or _WIDE) < _WIDE:
        for row in seen.clocks:
            _print_below_each_other(row)
    else:
        head = ("clock", "state", "due (strict)", "legal reading", "to", "")
        table(head, [_cells(row) for row in seen.clocks])
    waiting = [row.id for row in seen.clocks if row.keeps_open]
    if waiting:
        line(("the incident stays open for: ", "bold"), ", ".join(waiting))


def _cells(row: ClockRow) -> tuple[str, ...]:
    due = f"{row.due:%Y-%m-%d %H:%M} UTC" if row.due else ""
    to = addressed_to(row.definition)
    return row.id, row.state.value, due, other_readings(row), to, row.says


def _print_below_each_other(row: ClockRow) -> None:
    """For a narrow terminal: no date is broken."""
    id_, state, due, legal, to, says = _cells(row)
    line((id_, "bold"), f"  {state}", f"  due {due}" if due else "", f"  to {to}" if to else "")
    line("    ", says, hang=4)
    if legal:
        line("    other readings: ", legal, hang=4)
