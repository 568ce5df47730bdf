"""``hemostat audit export-as``: a draft for others, in their format."""

import json
from pathlib import Path

import click

from hemostat.audit.export_as.cleared import cleared_text, marked
from hemostat.audit.export_as.formats import FORMATS
from hemostat.audit.report.source import account_of
from hemostat.cli import settings_option
from hemostat.private_file import write_private
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
@click.option(
    "--cleared-by", metavar="GATE",
    help="Write the text that two people cleared at this disclose gate instead.",
)  # fmt: skip
@settings_option
def command(
    form: str, target: str, *, output: Path | None, cleared_by: str | None, config: Path | None
) -> None:
    """Write a draft for others, in their format.

    People and secrets are taken out, and the draft is checked against what the format requires. Nothing is sent: it leaves by a step of class `disclose`, to whose exact text two people agree; the draft says so itself. Its digest, which such a step is bound to, goes to stderr. With --cleared-by what the record shows as cleared is written, byte for byte, or nothing and exit code 1.
    """
    chosen = FORMATS[form]
    account = account_of(target, config)
    if cleared_by is not None:
        _write(output, cleared_text(account, cleared_by, chosen), chosen.title)
        return
    exported = marked(form, chosen.export(account))
    if wrong := chosen.check(exported):
        raise NotHeld(f"the draft is no {chosen.title}: {'; '.join(wrong)}", where=form)
    written = json.dumps(exported, indent=2, ensure_ascii=False) + "\n"
    _write(output, written, chosen.title)
    for left in exported.get("to_fill", ()) if isinstance(exported, dict) else ():
        click.echo(f"left open for people: {clean(left)}", err=True)


def _write(output: Path | None, text: str, title: str) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            write_private(output, text.encode())
        except OSError as error:
            raise ConfigurationError(
                f"the draft cannot be written ({error.strerror})", where=str(output)
            ) from error
    click.echo(f"{title}: {digest_bytes(text.encode())}", err=True)
