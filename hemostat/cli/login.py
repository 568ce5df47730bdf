"""``hemostat login``: sign this terminal in at a gateway, by the browser or with a token."""

import sys
from pathlib import Path

import click

from hemostat.cli import json_option
from hemostat.remote import reading
from hemostat.remote.device import Offer, lent_to_this_terminal
from hemostat.remote.server import Server
from hemostat.remote.signed_in import Login, address, keep, logins
from hemostat.settings import read_secret
from hemostat.terminal import clean, document, line
from schemas.errors import BadInput


@click.command
@click.argument("server", required=False)
@click.option(
    "--token",
    metavar="REF",
    help="Sign in with this token: env:NAME, file:PATH, or - for standard input.",
)
@click.option(
    "--ca",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trust certificates of this authority there (PEM).",
)
@json_option
def command(server: str | None, token: str | None, ca: Path | None, as_json: bool) -> None:
    """Sign in at the gateway SERVER.

    SERVER is the address of its console; by default the one of the last login. Shows a code, and waits until you have typed it in a browser in which you are signed in. Give it to nobody, and type none that somebody gave you. From then on commands ask this gateway instead of Temporal, as you, until the token's time is over or `hemostat logout`. It is kept under $XDG_STATE_HOME/hemostat or ~/.local/state/hemostat, mode 0600.
    """
    kept = logins().read()
    if not (server or kept.current):
        raise BadInput(
            "say which gateway",
            where="SERVER",
            next_step="such as `hemostat login http://127.0.0.1:8787`, where `hemostat up` serves it.",
        )
    url = address(server or kept.current or "")
    known = kept.servers.get(url)
    if ca is None and known is not None:
        ca = known.ca
    ca = ca.absolute() if ca else None
    login = _with(url, ca, token) if token else _by_browser(url, ca)
    keep(login)
    told = {"server": url, "person": login.person, "expires_at": login.expires_at}
    if as_json:
        document(told)
        return
    until = f" until {login.expires_at:%Y-%m-%d %H:%M}Z" if login.expires_at else ""
    line(("signed in ", "bold"), f"at {url} as {login.person}{until}")


def _by_browser(url: str, ca: Path | None) -> Login:
    with Server(url, ca=ca) as there:
        lent = lent_to_this_terminal(there, _show)
    return Login(
        url=url, token=lent.access_token, person=lent.person, expires_at=lent.expires_at, ca=ca
    )


def _with(url: str, ca: Path | None, reference: str) -> Login:
    token = sys.stdin.readline().strip() if reference == "-" else _read(reference)
    if not token or not token.isascii() or not token.isprintable():
        raise BadInput("this is no token", where="--token", next_step="one line, as it was lent.")
    asking = Login(url=url, token=token, person="unknown", ca=ca)
    with Server.of(asking) as there:
        who = reading.me(there)
    return asking.model_copy(update={"person": who.person})


def _read(reference: str) -> str:
    if not reference.startswith(("env:", "file:")):
        raise BadInput(
            "a token is given by reference, so that no other process sees it",
            where="--token",
            next_step="env:NAME, file:PATH, or - for standard input.",
        )
    return read_secret(reference).strip()


def _show(offer: Offer) -> None:
    """Show the code; on stderr, because stdout is for what came of it."""
    minutes = max(1, round(offer.expires_in / 60))
    for said in (
        f"Open {offer.verification_uri}",
        f"and type the code {offer.user_code} there, within {minutes} minutes.",
    ):
        sys.stderr.write(clean(said) + "\n")
    sys.stderr.flush()
