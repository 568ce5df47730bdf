"""``hemostat check``: configuration and reachability, before an incident finds out."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from hemostat.audit.readiness import Readiness, check_behind, check_key, check_outside
from hemostat.cli import json_option, settings_option
from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.installed import ADAPTERS, PLAYBOOKS, installed
from hemostat.room import lacking
from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from hemostat.temporal import connect, namespace_answers
from hemostat.terminal import document, line
from hemostat.vault import Vault
from schemas.errors import ConfigurationError, HemostatError, refused_by_the_system
from workers.connections import (
    Connections,
    check_adapters,
    close_adapters,
    connect_adapters,
    unwired,
)
from workers.people import weaknesses
from workers.registry import discover_playbooks


class Findings:
    """All that is wrong: in the configuration, and outside of us."""

    def __init__(self) -> None:
        self.configuration: list[HemostatError] = []
        self.reachability: list[HemostatError] = []
        self.notes: list[str] = []
        """What is allowed, and better known before an incident."""
        self.fine: list[str] = []

    def misconfigured(self, error: HemostatError) -> None:
        """Note an error of the configuration, or each of many."""
        several = error.problems if isinstance(error, InvalidSettings) else (error,)
        known = {str(one) for one in self.configuration}
        self.configuration += [one for one in several if str(one) not in known]

    def out_of_reach(self, told: HemostatError | str, *, where: str, table: str) -> None:
        """Note what does not answer; who only says what is wrong is given a place and a next step."""
        error = HemostatError(told) if isinstance(told, str) else told
        what, _, next_step = error.what.partition(" Next: ")
        self.reachability.append(
            HemostatError(
                what,
                where=error.where or where,
                next_step=error.next_step
                or next_step
                or f"see that it runs and answers from here, and that {table} is right.",
            )
        )

    def take(self, audit: Readiness) -> None:
        """Note what was seen of ``[audit]``."""
        self.configuration += audit.configuration
        for error in audit.reachability:
            self.out_of_reach(error, where="", table="[audit]")
        self.fine += audit.fine

    @property
    def exit_code(self) -> int:
        """Return 2 for a wrong configuration, 1 for a system that does not answer, else 0."""
        return 2 if self.configuration else int(bool(self.reachability))


@click.command
@settings_option
@click.option("--offline", is_flag=True, help="Only the configuration; reach out to nothing.")
@json_option
def command(config: Path | None, offline: bool, as_json: bool) -> int:
    """Check hemostat.toml and all that it names.

    Each problem is told with its line and what to do; `--` is a note. Exits 2 when the configuration is wrong, 1 when a system does not answer.
    """
    found = asyncio.run(findings(config, offline=offline))
    problems = [*found.configuration, *found.reachability]
    if as_json:
        told = [{"what": p.what, "where": p.where, "next": p.next_step} for p in problems]
        document({"ok": not problems, "problems": told, "notes": found.notes, "fine": found.fine})
        return found.exit_code
    for fine in found.fine:
        line(("ok  ", "green"), fine, hang=4)
    for note in found.notes:
        line(("--  ", "yellow"), note, hang=4)
    for problem in problems:
        line(("!!  ", "bold red"), str(problem), hang=4)
    return found.exit_code


async def findings(config: Path | None, *, offline: bool = False) -> Findings:
    """Return all that is wrong with the settings and what they name, and what is fine."""
    found = Findings()
    try:
        await _check(config, found, offline=offline)
    except OSError as error:
        if error.errno is None:
            raise
        found.misconfigured(refused_by_the_system(error))
    return found


async def _check(config: Path | None, findings: Findings, *, offline: bool) -> None:
    try:
        settings = Settings.load(config)
    except ConfigurationError as error:
        findings.misconfigured(error)
        return
    findings.fine.append(f"{settings.file} is read")
    _check_gateway(settings, findings)
    if not _check_installed(findings):
        return
    connections = _check_wiring(settings, findings)
    _check_people(settings, findings)
    findings.take(check_key(settings))
    try:
        if not offline:
            await _check_outside(settings, connections, findings)
    finally:
        await close_adapters(connections)


def _check_gateway(settings: Settings, findings: Findings) -> None:
    signals = IncidentSignals(settings.hemostat.task_queue)
    try:
        gateway_app(settings, signals, Vault.of(settings))
    except ConfigurationError as error:
        findings.misconfigured(error)
    else:
        findings.fine.append(f"the gateway's sources: {', '.join(settings.sources) or 'none'}")
    if settings.identity is None:
        findings.notes.append(
            "there is no [identity]: whoever reaches Temporal decides in any role they name, and "
            "there is no console. `hemostat keys create FILE` makes the key that [identity] names."
        )


def _check_installed(findings: Findings) -> bool:
    """Load every playbook, and see which packages bring any; nothing else holds where one is broken."""
    try:
        discover_playbooks()
        others = [*installed(PLAYBOOKS), *installed(ADAPTERS)]
    except ConfigurationError as error:
        findings.misconfigured(error)
        return False
    findings.fine += [f"installed: {other}" for other in others]
    return True


def _check_wiring(settings: Settings, findings: Findings) -> Connections:
    """Connect what can be connected, and see that each playbook finds its adapters."""
    try:
        connections = connect_adapters(settings)
    except ConfigurationError as error:
        findings.misconfigured(error)
        return {}
    playbooks = discover_playbooks()
    found = unwired(settings, playbooks, connections)
    findings.configuration += found
    if not found:
        for name, service in settings.services.items():
            ready = ", ".join(service.playbooks) or "no playbook"
            findings.fine.append(f"service {name} has all that {ready} needs")
    return connections


def _check_people(settings: Settings, findings: Findings) -> None:
    weak = weaknesses(settings, datetime.now(UTC))
    findings.configuration += weak
    if settings.roles and not weak:
        findings.fine.append(f"{len(settings.people)} people can answer every gate")


async def _check_outside(settings: Settings, connections: Connections, findings: Findings) -> None:
    try:
        client = await connect()
        await namespace_answers(client)
    except Exception as error:  # noqa: BLE001 - the SDK's errors have no common base of their own
        if not isinstance(error, HemostatError):
            error = HemostatError(
                f"Temporal does not serve the namespace ({type(error).__name__})",
                where="Temporal",
                next_step="set TEMPORAL_NAMESPACE, or let `hemostat worker` create it.",
            )
        findings.out_of_reach(error, where="Temporal", table="TEMPORAL_ADDRESS")
    else:
        findings.fine.append(f"Temporal answers for namespace {client.namespace}")
        findings.take(await check_behind(settings, client))
    findings.take(await check_outside(settings))
    findings.reachability += lacking(settings)
    await _check_vault(settings, findings)
    adapters = await check_adapters(connections)
    for name, what in adapters:
        where = settings.where("connections", name)
        findings.out_of_reach(what, where=where, table=f"[connections.{name}]")
    if connections and not adapters:
        findings.fine.append(f"connections answer: {', '.join(connections)}")


async def _check_vault(settings: Settings, findings: Findings) -> None:
    """Whether evidence can be kept; nothing is put, in a bucket it would stay for years."""
    vault = Vault.of(settings)
    try:
        told = await asyncio.to_thread(vault.check)
    except ConfigurationError as error:
        findings.misconfigured(error)
        return
    for what in told:
        findings.out_of_reach(what, where=settings.where("vault"), table="[vault]")
    done = "locks what is sealed" if settings.vault.s3 else "takes evidence"
    findings.fine += [] if told else [f"the vault {vault} {done}"]
