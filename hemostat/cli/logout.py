"""``hemostat logout``: end this terminal's token at its gateway, and forget it."""

import click

from hemostat.cli import json_option
from hemostat.remote.server import Server
from hemostat.remote.signed_in import address, forget, logins
from hemostat.terminal import document, line
from schemas.errors import HemostatError, NotHeld


@click.command
@click.argument("server", required=False)
@json_option
def command(server: str | None, as_json: bool) -> None:
    """Sign this terminal out.

    SERVER is the gateway's address; by default the one of the last login. The token is forgotten here in any case, and ended there if the gateway can be reached. Commands then speak to Temporal again.
    """
    kept = logins().read()
    url = address(server) if server else kept.current
    login = kept.servers.get(url) if url else None
    if url is None or login is None:
        raise NotHeld(
            "you are not signed in there" if url else "you are not signed in", where=url or ""
        )
    forget(url)
    ended = True
    try:
        with Server.of(login) as there:
            status, _ = there.form("/device/end", {})
            ended = status == 200
    except HemostatError:
        ended = False
    if as_json:
        document({"server": url, "person": login.person, "ended_there": ended})
        return
    line(("signed out ", "bold"), f"at {url}")
    if not ended:
        line("    the gateway did not end the token; it is good there until its time is over.")
