"""``hemostat audit export-as``: a draft for others, in their format."""

import json
from pathlib import Path

import click

from hemostat.audit.export_as.formats import FORMATS
from hemostat.audit.report.source import account_of
from hemostat.cli import settings_option
from hemostat.terminal import clean
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError, NotHeld


@click.command
@click.argument("form", metavar="ocsf|atlas|aiid|stix", type=click.Choice([*FORMATS]))
@click.argument("target", metavar="PACK|INCIDENT")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The file to write.  [default: the terminal]",
)  # fmt: skip
@settings_option
def command(form: str, target: str, output: Path | None, config: Path | None) -> None:
    """Write a draft for others, in their format.

    People and secrets are taken out, and the draft is checked against what the format requires. Nothing is sent: it leaves by a step of class `disclose`, to whose exact text two people agree. Its digest, which such a step is bound to, goes to stderr.
    """
    chosen = FORMATS[form]
    exported = chosen.export(account_of(target, config))
    if wrong := chosen.check(exported):
        raise NotHeld(f"the draft is no {chosen.title}: {'; '.join(wrong)}", where=form)
    written = json.dumps(exported, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(written, nl=False)
    else:
        try:
            output.write_text(written)
        except OSError as error:
            raise ConfigurationError(
                f"the draft cannot be written ({error.strerror})", where=str(output)
            ) from error
    click.echo(f"{chosen.title}: {digest_bytes(written.encode())}", err=True)
    for left in exported.get("to_fill", ()) if isinstance(exported, dict) else ():
        click.echo(f"left open for people: {clean(left)}", err=True)
