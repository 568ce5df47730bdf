"""``hemostat grade``: what became known of an incident, or the severity that somebody sets."""

import asyncio
import getpass
import uuid
from collections.abc import Iterable
from pathlib import Path

import click

from hemostat.cli import speaker_options
from hemostat.incidents import view
from hemostat.remote import reading
from hemostat.remote.server import Server
from hemostat.remote.speaking import speaking_at
from hemostat.remote.voice import say_there_and_tell, speak_and_tell, still_open, understood
from hemostat.temporal import connect
from schemas.errors import BadInput
from schemas.severity import Facts, Impact, Severity
from schemas.statements import Regrading


@click.command
@click.argument("incident")
@click.option(
    "--severity",
    type=click.Choice([severity.value for severity in Severity]),
    help="The severity to set; only the commander lowers it.",
)
@click.option("--fact", "facts", multiple=True, metavar="NAME=yes|no|unknown", help="Repeatable.")
@click.option("--impact", "impacts", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--role", default="commander", show_default=True, help="In which role.")
@speaker_options
def command(
    *,
    incident: str,
    severity: str | None,
    facts: tuple[str, ...],
    impacts: tuple[str, ...],
    role: str,
    reason: str,
    actor: str | None,
    key: Path | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Say what became known, or set the severity.

    Facts raise the severity by themselves: protected_data_out, physical_harm, csam_or_cbrn, agent_acts_outside, public_disclosure, serious_incident, integrity_compromised, key_abused, containment_unproven, attack_suspected. Impact, kept beside it: people, data, safety, money, rights, regulator, reputation. Exits 1 if the incident refused it, with its reason.
    """
    if not (severity or facts or impacts):
        raise BadInput("nothing is said", next_step="give --severity, --fact or --impact.")
    login = speaking_at(server, actor=actor, key=key)
    with understood("grade"):
        said = Regrading(
            id=str(uuid.uuid4()),
            actor=login.person if login else actor or getpass.getuser(),
            role=role,
            reason=reason,
            severity=Severity(severity) if severity else None,
            facts=Facts.model_validate(_pairs("--fact", facts, Facts.model_fields)),
            impact=Impact.model_validate(_pairs("--impact", impacts, Impact.model_fields))
            if impacts
            else None,
        )
    if login is not None:
        with Server.of(login) as there:
            still_open(reading.view(there, incident))
            return say_there_and_tell(there, incident, said, as_json=as_json)
    return asyncio.run(_grade(incident, said, key, as_json=as_json))


async def _grade(incident: str, said: Regrading, key: Path | None, *, as_json: bool) -> int:
    client = await connect(identity=f"hemostat-grade/{said.actor}")
    seen = await view(client, incident)
    still_open(seen)
    return await speak_and_tell(client, seen, said, key, as_json=as_json)


def _pairs(option: str, given: tuple[str, ...], names: Iterable[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if name not in names or not equals or not value:
            raise BadInput(
                "not understood", where=f"{option} {pair}", next_step=f"one of {', '.join(names)}."
            )
        found[name] = int(value) if option == "--impact" and value.isdecimal() else value
    return found
