"""``hemostat accounts list``: who can sign in with an account of this machine."""

from pathlib import Path

import click

from hemostat.cli import json_option, settings_option
from hemostat.identity.accounts import Account
from hemostat.identity.desk import accounts_of
from hemostat.settings import Settings
from hemostat.terminal import document, table


@click.command
@settings_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List the accounts of this machine.

    Never shows a secret.
    """
    accounts = accounts_of(Settings.load(config)).all()
    if as_json:
        document([_told(account) for account in accounts])
        return
    table(
        ("account", "kind", "roles", "way in"),
        [
            (
                account.name,
                account.kind,
                ", ".join(account.roles) or "as hemostat.toml says",
                "one-time secret"
                if account.one_time
                else f"password, {len(account.passkeys)} passkeys",
            )
            for account in accounts
        ],
    )


def _told(account: Account) -> dict[str, object]:
    return {
        "account": account.name,
        "kind": account.kind,
        "roles": account.roles,
        "one_time": account.one_time,
        "passkeys": len(account.passkeys),
    }
