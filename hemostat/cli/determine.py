"""``hemostat determine``: what counsel determines of a legal clock, and what became of it."""

import asyncio
import getpass
import uuid
from pathlib import Path

import click
from pydantic import ValidationError

from hemostat.cli import json_option, key_option
from hemostat.incidents import legal_clocks, view
from hemostat.speaking import became_of, speak_alone
from hemostat.temporal import connect
from hemostat.terminal import document, line
from schemas.clocks.determination import Determination, Matter
from schemas.errors import BadInput, NotHeld
from schemas.journal import Kind


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
    as_json: bool,
) -> int:
    """Record what counsel determines of a clock.

    CLOCK is a clock's id or a whole regime. VALUE is applies or not-applicable (applicability); a moment with its offset, such as 2026-12-18T16:00+01:00 (candidate, awareness, anchor, filed); tolled or resumed (tolled); authority-informed or counsel-not-applicable (hold-released); 30 d or 72 h (period). Exits 1 if the incident refused it, with its reason.
    """
    try:
        given = Determination(
            determination_id=str(uuid.uuid4()),
            clock=clock,
            what=Matter(what),
            value=value,
            actor=actor or getpass.getuser(),
            role=role,
            reason=reason,
            reference=reference,
        )
    except ValidationError as error:
        wrong = ", ".join(".".join(str(part) for part in e["loc"]) for e in error.errors())
        raise BadInput(
            f"not understood: {wrong}", next_step="see `hemostat determine --help`."
        ) from error
    return asyncio.run(_determine(incident, given, key, as_json=as_json))


async def _determine(
    incident: str, given: Determination, key: Path | None, *, as_json: bool
) -> int:
    client = await connect(identity=f"hemostat-determine/{given.actor}")
    before = await view(client, incident)
    given = await speak_alone(client, before, given, key)
    entry = await became_of(client, incident, given, before.journal_length)
    accepted = entry.kind is Kind.CLOCK
    seen = await legal_clocks(client, incident)
    rows = [
        row for row in seen.clocks if row.id == given.clock or row.id.startswith(f"{given.clock}-")
    ]
    if as_json:
        document({"accepted": accepted, "journal": entry, "clocks": rows, "notice": seen.notice})
    else:
        line(("recorded: " if accepted else "refused: ", "bold"), entry.says)
        for row in rows:
            line((f"{row.id}  ", "bold"), f"{row.state.value}: {row.says}")
        line((seen.notice, "yellow"))
    return 0 if accepted else NotHeld.exit_code
