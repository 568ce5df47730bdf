"""``hemostat report board``: the page that a board reads."""

from pathlib import Path

import click

from hemostat.audit.report.board import board
from hemostat.audit.report.many import metrics_under
from hemostat.audit.report.source import account_of, annotations_of
from hemostat.audit.report.written import write
from hemostat.cli import json_option, settings_option
from hemostat.terminal import document, line


@click.command
@click.argument("target", metavar="INCIDENT|PACK")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The file to write: FILE.pdf or FILE.html.",
)  # fmt: skip
@click.option(
    "--packs", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER",
    help="Packs of earlier incidents, to compare the metrics with.",
)  # fmt: skip
@click.option(
    "--annotations", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Where annotations are.  [default: beside the sealed record]",
)  # fmt: skip
@settings_option
@json_option
def command(
    target: str,
    output: Path | None,
    packs: Path | None,
    annotations: Path | None,
    *,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write the board's report on an incident.

    Five lines, the timeline, where it stands, decisions by role, the regulatory position, and metrics beside those of the last four quarters.
    """
    account = account_of(target, config)
    others = metrics_under(packs).known if packs else []
    report = board(account, annotations_of(account.incident, config, annotations), others)
    if output is not None:
        write(report, output)
    if as_json:
        document(report.document())
    elif output is None:
        raise click.UsageError("say where to: -o FILE.pdf, -o FILE.html, or --json")
    else:
        line((str(output), "bold"), f"  {report.kind.lower()} on {account.incident}")
