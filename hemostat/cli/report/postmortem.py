"""``hemostat report postmortem``: what happened, from the record; what people add, apart."""

from pathlib import Path

import click

from hemostat.audit.report.postmortem import postmortem
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
    "--annotations", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Where annotations are.  [default: beside the sealed record]",
)  # fmt: skip
@settings_option
@json_option
def command(
    target: str,
    output: Path | None,
    annotations: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write the post-mortem of an incident.

    Facts are generated from the record, unknowns are shown, people appear as roles. What people add with `hemostat report annotate` stands apart and is marked.
    """
    account = account_of(target, config)
    report = postmortem(account, annotations_of(account.incident, config, annotations))
    if output is not None:
        write(report, output)
    if as_json:
        document(report.document())
    elif output is None:
        raise click.UsageError("say where to: -o FILE.pdf, -o FILE.html, or --json")
    else:
        line((str(output), "bold"), f"  {report.kind.lower()} of {account.incident}")
