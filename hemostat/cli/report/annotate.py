"""``hemostat report annotate``: what people add to an incident, signed and apart from the record."""

from pathlib import Path

import click

from hemostat.audit.keys import key_from
from hemostat.audit.report.annotations import About, Annotations
from hemostat.audit.report.source import account_of, annotations_folder
from hemostat.cli import json_option, settings_option
from hemostat.settings.values import read_secret
from hemostat.terminal import document, line


@click.command
@click.argument("target", metavar="INCIDENT|PACK")
@click.argument("about", type=click.Choice([about.value for about in About]))
@click.argument("text")
@click.option("--role", required=True, help="The role in which it is said.")
@click.option(
    "--key", required=True, metavar="REF", help="Your Ed25519 key: env:NAME or file:PATH."
)
@click.option("--owner", help="Of an action item: the role that owns it.")
@click.option("--due", metavar="YYYY-MM-DD", help="Of an action item: its day.")
@click.option("--verify-by", help="Of an action item: the drill or test that will verify it.")
@click.option("--number", type=int, help="Of `retracts`: the annotation that no longer stands.")
@click.option(
    "--annotations", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Where annotations are.  [default: beside the sealed record]",
)  # fmt: skip
@settings_option
@json_option
def command(
    target: str,
    about: str,
    text: str,
    *,
    role: str,
    key: str,
    owner: str | None,
    due: str | None,
    verify_by: str | None,
    number: int | None,
    annotations: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Add something to an incident's reports.

    It is appended, signed with your key and bound to the head of the journal; nothing of the record changes. To take something back, add that it no longer stands.
    """
    account = account_of(target, config)
    kept = Annotations(annotations_folder(config, annotations), account.incident)
    more = {"owner": owner, "due": due, "verify_by": verify_by, "retracts": number}
    added = kept.add(
        key_from(read_secret(key), key),
        head=account.record.head,
        role=role,
        about=About(about),
        text=text,
        more={name: value for name, value in more.items() if value is not None},
    )
    if as_json:
        document(added.model_dump(mode="json"))
    else:
        line(
            (f"{added.about.value} {added.number}", "bold"),
            f"  of {account.incident} by {added.by_role}",
        )
