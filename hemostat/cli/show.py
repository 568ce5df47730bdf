"""``hemostat show``: one incident, its steps, its open gates and its whole timeline."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import click

from hemostat.cli import json_option, server_option, settings_option
from hemostat.incidents import JournalRead, journal, view
from hemostat.incidents.following import follow as followed
from hemostat.incidents.gates_shown import left, show_gate
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.signed_in import login_at
from hemostat.settings import Settings
from hemostat.temporal import connect
from hemostat.terminal import clean, document, line, object_line, table, width
from hemostat.vault import Vault
from schemas.errors import SystemUnreachable
from schemas.gate import OnSilence
from schemas.incident import IncidentView
from schemas.journal import Entry, Kind
from schemas.step import StepView

_STYLES = {
    Kind.ALERT: "yellow",
    Kind.EFFECT: "bold",
    Kind.PROOF: "green",
    Kind.GATE: "magenta",
    Kind.DECISION: "bold magenta",
    Kind.REFUSED: "red",
    Kind.FINDING: "cyan",
    Kind.CLOCK: "yellow",
}
_TOLD = {
    Kind.ALERT: ("title",),
    Kind.DECISION: ("actor", "reason"),
    Kind.CLOCK: ("value", "actor", "reason"),
    Kind.REFUSED: ("gate", "clock", "actor", "reason"),
}
"""What of an entry's data belongs into a timeline; ``--json`` has all of it."""


@click.command
@click.argument("incident")
@click.option("--run", "run_id", help="An earlier run of a reopened incident.")
@click.option(
    "--follow",
    is_flag=True,
    help="Go on with each entry as it comes, until it closes; with --json one object a line.",
)
@server_option
@settings_option
@json_option
def command(
    *,
    incident: str,
    run_id: str | None,
    follow: bool,
    server: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Show one incident and its timeline.

    Where it stands, its steps, what waits for whom, and its journal. A worker has to be running to answer. With --follow --json the journal comes as JSON objects, one a line: its entries, and {"gap": TEXT} for what cannot be read.
    """
    if follow and run_id:
        raise click.UsageError("--follow follows the run that is now: leave out --run.")
    login = login_at(server)
    if login is not None:
        with Server.of(login) as there:
            _show_there(there, incident, run_id, follow=follow, as_json=as_json)
        return
    vault = Vault.of(Settings.load(config))
    if follow:
        asyncio.run(_follow(incident, vault, as_json=as_json))
        return
    _print(*asyncio.run(_read(incident, run_id, vault)), as_json=as_json)


def _show_there(
    there: Server, incident: str, run_id: str | None, *, follow: bool, as_json: bool
) -> None:
    """Show it as the gateway has it."""
    seen = reading.view(there, incident, run_id)
    if not follow:
        _print(seen, reading.journal(there, incident, run_id), as_json=as_json)
        return
    telling = _Telling(seen, as_json=as_json)
    for part in reading.follow(there, incident, waits=_print_waiting):
        telling.tell(part)
    telling.end(reading.view(there, incident))


def _print(seen: IncidentView, read: JournalRead, *, as_json: bool) -> None:
    if as_json:
        document({"incident": seen, "journal": read.entries, "gaps": read.gaps})
    else:
        _print_standing(seen)
        line()
        _print_journal(seen, read)
        _print_what_is_asked(seen)


async def _follow(incident: str, vault: Vault, *, as_json: bool) -> None:
    client = await connect()
    telling = _Telling(await view(client, incident), as_json=as_json)
    async for part in followed(client, incident, vault, waits=_print_waiting):
        telling.tell(part)
    if not as_json:
        telling.end(await view(client, incident))


class _Telling:
    """Tells one incident as it goes on, for people or one JSON object a line."""

    def __init__(self, seen: IncidentView, *, as_json: bool) -> None:
        self._began, self._first, self._json = seen.opened_at, True, as_json
        if not as_json:
            _print_standing(seen)
            line()

    def tell(self, part: Entry | str) -> None:
        """Tell an entry, or a gap."""
        if isinstance(part, Entry) and self._first:
            self._began, self._first = datetime.fromisoformat(part.at), False
        if self._json:
            object_line(part.model_dump(mode="json") if isinstance(part, Entry) else {"gap": part})
        elif isinstance(part, Entry):
            _print_entry(part, self._began)
        else:
            _print_gap(part)

    def end(self, seen: IncidentView) -> None:
        """Tell how it ended."""
        if not self._json:
            how = f"  {seen.resolution.value if seen.resolution else ''}"
            line((seen.phase.value, "bold"), how)


def _print_waiting(error: SystemUnreachable) -> None:
    sys.stderr.write(clean(f"{error.what}; looking again") + "\n")


async def _read(
    incident: str, run_id: str | None, vault: Vault
) -> tuple[IncidentView, JournalRead]:
    client = await connect()
    return await view(client, incident, run_id), await journal(client, incident, vault, run_id)


def _print_standing(seen: IncidentView) -> None:
    exercise = "  EXERCISE" if seen.drill else ""
    line((seen.id, "bold"), "  ", seen.playbook, " on ", seen.service, (exercise, "bold red"))
    resolution = f"  {seen.resolution.value}" if seen.resolution else ""
    line(
        f"{seen.severity.value}  {seen.phase.value}{resolution}  containment: ",
        (seen.containment.value, "bold"),
        f"  alerts: {seen.alerts}  journal: {seen.journal_length} entries",
    )
    line("head ", (seen.journal_head, "dim"))
    if seen.steps:
        line()
        table(
            ("step", "class", "state", "attempt", "last seen to hold"),
            [
                (step.title, step.step_class, step.state, step.attempt, _last_held(step))
                for step in seen.steps
            ],
        )
    for gate in seen.gates:
        line()
        show_gate(seen.id, gate)


def _last_held(step: StepView) -> str:
    if step.held_at is None:
        return ""
    held = f"{datetime.fromisoformat(step.held_at):%Y-%m-%d %H:%M:%S} UTC"
    return f"{held}, not seen since" if step.unseen_since else held


def _print_journal(seen: IncidentView, read: JournalRead) -> None:
    began = datetime.fromisoformat(read.entries[0].at) if read.entries else seen.opened_at
    for gap in read.gaps:
        _print_gap(gap)
    for entry in read.entries:
        _print_entry(entry, began)


def _print_what_is_asked(seen: IncidentView) -> None:
    """Say once more, below a long journal, what waits for people and how to answer."""
    asking = [gate for gate in seen.gates if gate.policy.on_silence is not OnSilence.STAND]
    if width() is None or not asking:
        return
    line()
    for gate in asking:
        line(("asked now ", "bold magenta"), gate.policy.asks, f"  {left(gate)}", hang=4)
        line(
            (f"    hemostat decide {seen.id} {gate.policy.id} approve|reject --reason TEXT", "dim")
        )


def _print_gap(gap: str) -> None:
    line(("not read: ", "bold red"), gap)


def _print_entry(entry: Entry, began: datetime) -> None:
    at = datetime.fromisoformat(entry.at)
    since = (at - began).total_seconds()
    told = [str(entry.data[key]) for key in _TOLD.get(entry.kind, ()) if entry.data.get(key)]
    step = f"[{entry.step}] " if entry.step else ""
    line(
        (f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} +{since:9.3f}s  ", "dim"),
        (f"{entry.kind.value:<9} ", _STYLES.get(entry.kind, "")),
        (step, "dim"),
        entry.says,
        (f"  ({'; '.join(told)})" if told else "", "dim"),
        hang=37,
    )
