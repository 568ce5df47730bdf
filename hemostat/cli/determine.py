"""``hemostat determine``: what counsel determines of a legal clock, and what became of it."""

import asyncio
import getpass
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hemostat.cli import json_option, key_option, server_option
from hemostat.incidents import legal_clocks, view
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import say, speaking_at
from hemostat.remote.voice import tell, tell_answer, understood
from hemostat.speaking import became_of, speak_alone
from hemostat.temporal import connect
from hemostat.terminal import line
from schemas.clocks.determination import Determination, Matter
from schemas.clocks.view import ClocksView


@click.command
@click.argument("incident")
@click.argument("clock")
@click.argument("what", type=click.Choice([matter.value for matter in Matter]))
@click.argument("value")
@click.option("--reason", required=True, help="Why; it becomes part of the record.")
@click.option("--reference", default="", help="The receipt of a filing, or a candidate's source.")
@click.option("--as", "actor", help="Who determines.  [default: the login name]")
@click.option("--role", default="counsel", show_default=True, help="In which legal role.")
@key_option
@server_option
@json_option
def command(
    *,
    incident: str,
    clock: str,
    what: str,
    value: str,
    reason: str,
    reference: str,
    actor: str | None,
    role: str,
    key: Path | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Record what counsel determines of a clock.

    CLOCK is a clock's id or a whole regime. VALUE is applies or not-applicable (applicability); a moment with its offset, such as 2026-12-18T16:00+01:00 (candidate, awareness, anchor, filed); tolled or resumed (tolled); authority-informed or counsel-not-applicable (hold-released); 30 d or 72 h (period). Exits 1 if the incident refused it, with its reason.
    """
    login = speaking_at(server, actor=actor, key=key)
    with understood("determine"):
        given = Determination(
            determination_id=str(uuid.uuid4()),
            clock=clock,
            what=Matter(what),
            value=value,
            actor=login.person if login else actor or getpass.getuser(),
            role=role,
            reason=reason,
            reference=reference,
        )
    if login is not None:
        with Server.of(login) as there:
            answer = say(there, incident, given)
            seen = reading.clocks(there, incident)
            return _told(
                given,
                seen,
                lambda more: tell_answer(answer, more, as_json=as_json),
                as_json=as_json,
            )
    return asyncio.run(_determine(incident, given, key, as_json=as_json))


async def _determine(
    incident: str, given: Determination, key: Path | None, *, as_json: bool
) -> int:
    client = await connect(identity=f"hemostat-determine/{given.actor}")
    before = await view(client, incident)
    given = await speak_alone(client, before, given, key)
    entry = await became_of(client, incident, given, before.journal_length)
    seen = await legal_clocks(client, incident)
    return _told(
        given, seen, lambda more: tell(given, entry, more, as_json=as_json), as_json=as_json
    )


def _told(
    given: Determination,
    seen: ClocksView,
    telling: Callable[[dict[str, Any]], int],
    *,
    as_json: bool,
) -> int:
    """Print what became of it, and where its clocks are now; return the exit status."""
    rows = [
        row for row in seen.clocks if row.id == given.clock or row.id.startswith(f"{given.clock}-")
    ]
    status = telling({"clocks": rows, "notice": seen.notice})
    if not as_json:
        for row in rows:
            line((f"{row.id}  ", "bold"), f"{row.state.value}: {row.says}")
        line((seen.notice, "yellow"))
    return status
