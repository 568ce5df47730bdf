"""``hemostat audit export-as``: a draft for others, in their format."""

import json
import sys
from pathlib import Path

import click

from hemostat.audit.export_as.cleared import cleared_text, marked
from hemostat.audit.export_as.formats import FORMATS
from hemostat.audit.export_as.letter import letter_for, too_long
from hemostat.audit.report.source import account_of
from hemostat.cli import settings_option
from hemostat.private_file import write_private
from hemostat.terminal import clean
from schemas.canonical import digest_bytes
from schemas.errors import ConfigurationError, NotHeld

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command
@click.argument("form", metavar="ocsf|atlas|aiid|stix", type=click.Choice([*FORMATS]))
@click.argument("target", metavar="PACK|INCIDENT")
@click.option(
    "-o", "--output", type=_FILE, metavar="FILE",
    help="The file to write.  [default: the terminal]",
)  # fmt: skip
@click.option(
    "--cleared-by", metavar="GATE",
    help="Write the text that two people cleared at this disclose gate instead.",
)  # fmt: skip
@click.option(
    "--letter", type=_FILE, metavar="FILE",
    help="Also write a letter for the gate: what is too long for one is approved by its digest.",
)  # fmt: skip
@click.option(
    "--draft", type=_FILE, metavar="FILE",
    help="With --cleared-by, where a letter was approved: the draft that it names.",
)  # fmt: skip
@settings_option
def command(
    form: str,
    target: str,
    *,
    output: Path | None,
    cleared_by: str | None,
    letter: Path | None,
    draft: Path | None,
    config: Path | None,
) -> None:
    """Write a draft for others, in their format.

    People and secrets are taken out, and the draft is checked against what the format requires. Nothing is sent: it leaves by a step of class `disclose`, to whose exact text two people agree; the draft says so itself. Its digest, which such a step is bound to, goes to stderr. With --cleared-by what the record shows as cleared is written, byte for byte, or nothing and exit code 1. A draft of more than 20,000 characters is approved by a letter that names its digest.
    """
    chosen = FORMATS[form]
    account = account_of(target, config)
    if cleared_by is not None:
        text = None if draft is None else _read(draft)
        _write(output, cleared_text(account, cleared_by, chosen, text), chosen.title)
        return
    exported = marked(form, chosen.export(account))
    if wrong := chosen.check(exported):
        raise NotHeld(f"the draft is no {chosen.title}: {'; '.join(wrong)}", where=form)
    written = json.dumps(exported, indent=2, ensure_ascii=False) + "\n"
    _write(output, written, chosen.title)
    if letter is not None:
        _write(
            letter, letter_for(form, chosen, written, exported), f"letter for the {chosen.title}"
        )
    elif too_long(written):
        click.echo(_TOO_LONG.format(len(written)), err=True)
    for left in exported.get("to_fill", ()) if isinstance(exported, dict) else ():
        click.echo(f"left open for people: {clean(left)}", err=True)


_TOO_LONG = (
    "it has {:,} characters and no gate takes more than 20,000: as it is nobody can approve it. "
    "Write a letter that binds it by its digest, with --letter FILE, and have that approved."
)


def _read(draft: Path) -> str:
    try:
        return draft.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the draft cannot be read ({type(error).__name__})", where=str(draft)
        ) from error


def _write(output: Path | None, text: str, title: str) -> None:
    if output is None:
        # A terminal acts on some of what JSON leaves as it is; a file or a pipe gets every byte.
        click.echo(_shown(text) if sys.stdout.isatty() else text, nl=False)
    else:
        try:
            write_private(output, text.encode())
        except OSError as error:
            raise ConfigurationError(
                f"the draft cannot be written ({error.strerror})", where=str(output)
            ) from error
    click.echo(f"{title}: {digest_bytes(text.encode())}", err=True)


def _shown(text: str) -> str:
    return "\n".join(clean(line, len(line)) for line in text.splitlines()) + "\n"
