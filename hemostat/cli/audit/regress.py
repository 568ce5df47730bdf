"""``hemostat audit regress``: whether past incidents would be decided the same today."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from hemostat.audit.replay.counterfactual import WhatIf
from hemostat.audit.replay.regress import Regressed, regress
from hemostat.audit.replay.sources import incidents_under
from hemostat.cli import json_option
from hemostat.terminal import document, line

_COUNTED = ("incidents", "held", "runs", "events", "commands")


@click.command
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--processes", type=click.IntRange(1), help="How many at once.  [default: processors]"
)
@json_option
def command(folder: Path, processes: int | None, as_json: bool) -> int:
    """Replay every past incident against today's code.

    FOLDER holds packs, or folders with the histories of one incident each. Where this version parts from a record, it is derived what it would have gone on to do with the recorded answers and decisions. Exits 1 if anything parts.
    """
    paths, began = incidents_under(folder), time.monotonic()
    told: list[dict[str, Any]] = []
    counted = Counter[str]()
    for number, regressed in enumerate(regress(paths, folder, processes), 1):
        counted["incidents"] += 1
        counted["held"] += regressed.held
        for run in regressed.runs:
            counted.update(runs=1, events=run.events, commands=run.commands)
        if as_json:
            told.append(regressed.document())
        else:
            _print(regressed, f"[{number}/{len(paths)}]")
    held = counted["held"] == len(paths)
    summary: dict[str, float] = {name: counted[name] for name in _COUNTED}
    summary["seconds"] = round(time.monotonic() - began, 2)
    if as_json:
        told.sort(key=lambda incident: str(incident["name"]))
        document({"held": held, "summary": summary, "incidents": told})
    else:
        line()
        line(
            ("all held", "bold green") if held else ("NOT HELD", "bold red"),
            f": {summary['held']} of {summary['incidents']} incidents, {summary['runs']} runs, "
            f"{summary['events']} events, {summary['commands']} commands compared in "
            f"{summary['seconds']} s",
        )
    return 0 if held else 1


def _print(regressed: Regressed, progress: str) -> None:
    sign = ("held ", "green") if regressed.held else ("PARTS", "bold red")
    line((progress, "dim"), " ", sign, f" {regressed.name}  ({regressed.seconds:.1f} s)")
    if regressed.error:
        line("      ", regressed.error)
    for run in regressed.runs:
        if run.held:
            continue
        first = run.partings[0]
        where = f"event {first.event}" if first.event is not None else f"entry {first.entry}"
        line(f"      run {run.run[:8]}, {where}: ", first.says)
        if len(run.partings) > 1:
            line((f"      and {len(run.partings) - 1} more places that follow", "dim"))
        if run.what_if is not None:
            _print_what_if(run.what_if)


def _print_what_if(derived: WhatIf, most: int = 16) -> None:
    line(("      with the recorded answers and decisions, this version would have:", "bold"))
    for change in derived.changes[:most]:
        line("        ", (change, "red" if change.startswith("-") else "green"))
    if len(derived.changes) > most:
        line(f"        and {len(derived.changes) - most} more differences")
    if derived.result is not None:
        same = "the same outcome" if not derived.otherwise else "another outcome"
        line(
            f"      and come to {same}: {derived.result.get('resolution')}, "
            f"{derived.result.get('severity')}, containment {derived.result.get('containment')}"
        )
    for name, (before, after) in derived.otherwise.items():
        line(f"        {name}: recorded {before}, would be {after}")
    if derived.stops:
        line("      no more is derived: ", derived.stops)
    if derived.unheard:
        line("      said by people and not asked for: ", ", ".join(derived.unheard[:8]))
    if derived.assumptions:
        line((f"      {len(derived.assumptions)} assumptions, in --json", "dim"))
