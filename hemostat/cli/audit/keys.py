"""``hemostat audit keys``: the sealer's key, and whom an auditor is to believe."""

from datetime import UTC, datetime
from pathlib import Path

import click

from hemostat.audit.keys import (
    compromised,
    make_key,
    trust_file,
    with_authority,
    with_key,
    write_trust,
)
from hemostat.audit.setup import key_file, trust_path
from hemostat.cli import json_option, settings_option
from hemostat.settings import Settings
from hemostat.terminal import document, line, table
from schemas.audit.trust import Trust
from schemas.base import iso
from schemas.errors import BadInput, ConfigurationError


@click.command
@click.argument("action", type=click.Choice(["list", "new", "rotate", "compromised", "authority"]))
@click.argument("kid", required=False, metavar="[KID|FILE]")
@click.option(
    "--since",
    metavar="TIME",
    help="From when a key was compromised or an authority asked, ISO 8601.",
)
@settings_option
@json_option
def command(
    action: str, kid: str | None, *, since: str | None, config: Path | None, as_json: bool
) -> None:
    """List, make, rotate or distrust the sealer's keys, and add a timestamp authority.

    `new` makes the first one; `rotate` retires the key in use and makes another, after which the sealer is to be started again;
    `compromised KID --since TIME` says that others may have had it; `authority FILE` adds the root certificate (PEM) of the timestamp authority that is asked from now, or TIME, on. Each writes the trust file; give that to auditors on
    another way than the packs.
    """
    settings = Settings.load(config)
    path = trust_path(settings)
    before = trust_file(path)
    if action == "new":
        write_trust(path, with_key(before, make_key(_file(settings)), datetime.now(UTC)))
    elif action == "rotate":
        _rotate(settings, path, before)
    elif action == "compromised":
        if before is None or kid is None or since is None:
            raise BadInput(
                "which key, and since when",
                next_step="`hemostat audit keys compromised KID --since TIME`.",
            )
        write_trust(path, compromised(before, kid, _instant(since)))
    elif action == "authority":
        if before is None or kid is None:
            raise BadInput(
                "which certificate, and beside which key",
                next_step="`hemostat audit keys new`, then `hemostat audit keys authority FILE`.",
            )
        asked_from = _instant(since) if since else datetime.now(UTC)
        write_trust(path, with_authority(before, _certificate(Path(kid)), asked_from))
    _show(path, trust_file(path), as_json=as_json)


def _certificate(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, ValueError) as error:
        raise BadInput(
            f"the certificate cannot be read ({type(error).__name__})", where=str(file)[:200]
        ) from error


def _rotate(settings: Settings, path: Path, before: Trust | None) -> None:
    """The old key is kept beside, under its name, until the new one is in place."""
    file = _file(settings)
    if before is None or not file.exists():
        raise BadInput("there is no key to rotate", next_step="`hemostat audit keys new`.")
    old = file.with_name(f"{file.name}.{iso(datetime.now(UTC)).replace(':', '')}")
    file.rename(old)
    write_trust(path, with_key(before, make_key(file), datetime.now(UTC)))


def _file(settings: Settings) -> Path:
    file = key_file(settings)
    if file is None:
        raise ConfigurationError(
            "the key is not in a file",
            where=settings.where("audit", "key"),
            next_step="make it where it is kept: openssl genpkey -algorithm ed25519.",
        )
    return file


def _instant(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "this is no time", where="--since", next_step="ISO 8601, with its offset."
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _show(path: Path, trust: Trust | None, *, as_json: bool) -> None:
    keys = trust.keys if trust else ()
    if as_json:
        since = [held.since for held in (trust.authorities if trust else ())]
        told = [key.model_dump(mode="json") for key in keys]
        document({"trust": str(path), "keys": told, "authorities_since": since})
        return
    line("trust file: ", (str(path), "bold"))
    rows = [(key.kid, key.since, key.retired or "", key.compromised or "") for key in keys]
    table(("key", "since", "retired", "compromised"), rows)
    for held in trust.authorities if trust else ():
        line("timestamp authority since ", held.since)
