"""``hemostat audit export``: the record of one incident as one file."""

from pathlib import Path

import click

from hemostat.audit.account.words import counted
from hemostat.audit.pack.export import Choice, export
from hemostat.audit.setup import store_of
from hemostat.cli import json_option, settings_option
from hemostat.settings import Settings
from hemostat.terminal import document, line
from hemostat.vault import Vault


@click.command
@click.argument("incident")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PACK",
    help="The file to write; nothing is replaced.",
)
@click.option("--run", "run_id", help="The first run of an incident that was opened again.")
@click.option("--evidence", is_flag=True, help="Include the evidence, not only its digests.")
@click.option(
    "--withhold", multiple=True, metavar="NAME", help="List an item, but keep its bytes out."
)
@settings_option
@json_option
def command(
    incident: str,
    output: Path,
    *,
    run_id: str | None,
    evidence: bool,
    withhold: tuple[str, ...],
    config: Path | None,
    as_json: bool,
) -> None:
    """Export the sealed record of one incident.

    Reads the write-once store and the vault alone, so it works when Temporal has forgotten; the
    same record gives the same bytes. Of an open incident it has what the last checkpoint covers.
    Of a restricted incident all evidence is listed and withheld, whatever is asked for.
    """
    settings = Settings.load(config)
    manifest = export(
        store_of(settings),
        Vault.of(settings),
        incident,
        output,
        first_run=run_id,
        choice=Choice(
            include=evidence,
            withheld=frozenset(withhold),
            restricted=frozenset(n for n, table in settings.services.items() if table.restricted),
        ),
    )
    if as_json:
        document(manifest.model_dump(mode="json"))
        return
    events = sum(run.events for run in manifest.runs)
    state = "closed" if manifest.closed else "still open"
    line((str(output), "bold"), f"  {manifest.incident} ({state})")
    runs = counted(len(manifest.runs), "run")
    line(f"{len(manifest.members)} members, {runs}, {counted(events, 'event')}")
    line(
        (
            f"next: hemostat audit verify {output} --trust FILE (audit/trust.json of the sealer)",
            "dim",
        )
    )
