"""``hemostat audit replay``: whether the recorded decisions follow from the recorded inputs."""

import asyncio
from pathlib import Path
from typing import Any

import click

from hemostat.audit.replay.elsewhere import replay_elsewhere
from hemostat.audit.replay.sources import RecordedIncident, incident_in
from hemostat.audit.replay.strict import RunReplay
from hemostat.audit.replay.today import replay_today
from hemostat.cli import json_option
from hemostat.terminal import document, line

ONLY = (
    "A replay shows that decisions follow from inputs; that nobody changed the inputs is for "
    "`hemostat audit verify` to show."
)


@click.command
@click.argument("pack", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--code",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="A checkout of the version that was recorded, to replay against it as well.",
)
@json_option
def command(pack: Path, code: Path | None, as_json: bool) -> int:
    """Replay a recorded incident strictly.

    PACK is a pack, a history file, or a folder with the histories of one incident. Every command is compared with all that it carried, the outcome and the journal too. Exits 1 if anything parts.
    """
    incident = incident_in(pack)
    against = {"today": asyncio.run(replay_today(incident))}
    if code is not None:
        against["recorded version"] = replay_elsewhere(incident, code)
    held = all(run.held for runs in against.values() for run in runs)
    if as_json:
        document(_document(incident, against, held=held))
    else:
        _print(incident, against, held=held)
    return 0 if held else 1


def _document(
    incident: RecordedIncident, against: dict[str, list[RunReplay]], *, held: bool
) -> dict[str, Any]:
    return {
        "source": incident.name,
        "held": held,
        "recorded_by_this_code": incident.by_this_code,
        "against": {name: [run.document() for run in runs] for name, runs in against.items()},
    }


def _print(incident: RecordedIncident, against: dict[str, list[RunReplay]], *, held: bool) -> None:
    if incident.by_this_code:
        line("the recorded version is the one of today: the digests of its sources are the same")
    elif incident.code is None:
        line(("which version decided is not in it: that is sealed when an incident closes", "dim"))
    elif "recorded version" not in against:
        line(
            ("another version was recorded; --code FOLDER replays against a checkout of it", "dim")
        )
    for name, runs in against.items():
        line((f"against {name}", "bold"))
        for run in runs:
            show_run(run)
    line(
        ("held", "bold green") if held else ("NOT HELD", "bold red"),
        f": {incident.name}: every decision follows from the recorded inputs"
        if held
        else f": {incident.name}: the record and the code part",
    )
    line((ONLY, "dim"))


def show_run(run: RunReplay, most: int = 12) -> None:
    """Print what came of one run."""
    sign = ("  held    ", "green") if run.held else ("  PARTS   ", "bold red")
    line(
        sign,
        f"{run.playbook} {run.incident} run {run.run[:8]}: {run.events} events, "
        f"{run.commands} commands, {run.entries} journal entries",
    )
    for parting in run.partings[:most]:
        where = f"event {parting.event}" if parting.event is not None else f"entry {parting.entry}"
        line("      ", (where, "bold"), "  ", parting.says)
    if len(run.partings) > most:
        line(f"      and {len(run.partings) - most} more that follow")
    for note in run.notes[:most]:
        line(("      note  " + note, "dim"))
