"""From ``[connections.NAME]`` tables to adapters, and whether they are what the playbooks need.

Law: every problem is found at the start and said at once, a line each, with the line of
``hemostat.toml`` and never with a value from it. An incident must not be the first to find out.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings, found_by_pydantic
from hemostat.vault import Vault
from schemas.errors import ConfigurationError
from schemas.evidence import Sealed
from schemas.ports import channels
from schemas.ports.clocks import compute_due
from schemas.ports.port import Port
from schemas.ports.vault import verify_evidence
from workers.registry import Adapter, AdapterType, AnyPort, load_adapter, spec_of
from workflows.engine.spec import PlaybookSpec


@dataclass(frozen=True)
class Connected:
    """One connection: its name, what kind of adapter it has, and the adapter."""

    name: str
    type: AdapterType
    adapter: Adapter


Connections = Mapping[str, Connected]


def connect_adapters(settings: Settings) -> Connections:
    """Build the adapter of every connection; raise ``InvalidSettings`` with all problems found.

    Nothing is reached out to: a system that is down does not keep a worker from starting.
    """
    vault = Vault.of(settings)
    connected: dict[str, Connected] = {}
    problems: list[ConfigurationError] = []
    try:
        vault.prepare()
    except ConfigurationError as error:
        problems.append(error)
    for name, table in settings.connections.items():
        path = ("connections", name)
        try:
            kind = load_adapter(str(table.get("adapter")))
        except ConfigurationError as error:
            problems.append(
                ConfigurationError(
                    error.what, where=settings.where(*path), next_step=error.next_step
                )
            )
            continue
        try:
            connection = kind.connection.model_validate(_filled(settings, kind, table))
        except ValidationError as error:
            problems += _invalid(settings, f"connection {name!r}", kind.connection, error, *path)
        else:
            connected[name] = Connected(name, kind, kind.build(connection, vault))
    if problems:
        raise InvalidSettings(problems)
    return connected


def _filled(settings: Settings, kind: AdapterType, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return *table* with what other tables say, where the adapter wants it and has no own.

    ``public_url`` is the gateway's; ``people`` are the addresses of the kind that the adapter's
    model names in ``reached_by``.
    """
    known: dict[str, Any] = {"public_url": settings.public_url}
    if by := getattr(kind.connection, "reached_by", None):
        reached = {name: getattr(person, by) for name, person in settings.people.items()}
        known["people"] = {name: address for name, address in reached.items() if address}
    wanted = {name: known[name] for name in known if name in kind.connection.model_fields}
    return {**wanted, **table}


async def close_adapters(connections: Connections) -> None:
    """Let every adapter go; one that fails at it does not keep the others open."""
    for connected in connections.values():
        with suppress(Exception):
            await connected.adapter.aclose()


async def check_adapters(connections: Connections) -> list[tuple[str, str]]:
    """Ask every adapter whether its system can be used; each problem with its connection's name."""
    problems: list[tuple[str, str]] = []
    for connected in connections.values():
        problems += [
            (connected.name, f"connection {connected.name!r} ({connected.type.name}): {problem}")
            for problem in await connected.adapter.check()
        ]
    return problems


def unwired(
    settings: Settings, playbooks: Mapping[str, type], connections: Connections
) -> Sequence[ConfigurationError]:
    """Return, a line each, what keeps a service's playbooks from finding their adapters.

    Each port of a playbook must be fulfilled by the connection which the service names for the
    port's capability, and the service's parameters must be what the playbook takes.
    """
    problems: list[ConfigurationError] = []
    for service, table in settings.services.items():
        problems += _without_calendar(settings, service, connections)
        problems += _without_channels(settings, service, connections)
        for playbook in table.playbooks:
            if playbook in playbooks:
                spec = spec_of(playbooks[playbook])
                problems += _without_adapter(settings, service, spec, connections)
                problems += _without_vault(settings, service, spec, connections)
                problems += _misparametrised(settings, service, spec)
            else:
                known = ", ".join(sorted(playbooks))
                problems.append(
                    ConfigurationError(
                        f"service {service!r}: there is no playbook {playbook!r}",
                        where=settings.where("services", service, "playbooks"),
                        next_step=f"use one of: {known}.",
                    )
                )
    return problems


def _without_adapter(
    settings: Settings, service: str, spec: PlaybookSpec, connections: Connections
) -> Iterator[ConfigurationError]:
    table = settings.services[service]
    for capability in spec.capabilities:
        needed = [port for port in spec.ports if port.capability == capability]
        chosen = table.connections.get(capability)
        connected = connections.get(chosen) if chosen else None
        unused = capability in spec.optional and not table.parameters.get(capability)
        if connected is None and unused and chosen is None:
            continue
        if connected is None:
            yield ConfigurationError(
                f"service {service!r} has no connection for {capability!r}, which playbook "
                f"{spec.id!r} needs for {_names(needed)}",
                where=settings.where("services", service, "connections"),
                next_step=f'add `{capability} = "<connection>"` to [services.{service}.connections].',
            )
        elif lacking := [port for port in needed if port not in connected.type.methods]:
            yield ConfigurationError(
                f"connection {connected.name!r} ({connected.type.name}) does not offer "
                f"{_names(lacking)}, which playbook {spec.id!r} needs of {capability!r}",
                where=settings.where("services", service, "connections", capability),
                next_step="name a connection whose adapter does.",
            )


def _without_vault(
    settings: Settings, service: str, spec: PlaybookSpec, connections: Connections
) -> Iterator[ConfigurationError]:
    """What is sealed counts once it reads back: without a vault no incident that seals would close."""
    sealing = [port for port in spec.ports if port.result is Sealed]
    connected = connections.get(
        settings.services[service].connections.get(verify_evidence.capability, "")
    )
    there = connected is not None and verify_evidence in connected.type.methods
    if sealing and not there and verify_evidence not in spec.ports:
        yield ConfigurationError(
            f"service {service!r} has no vault: what playbook {spec.id!r} seals by "
            f"{_names(sealing)} would never read back, and its incidents not close",
            where=settings.where("services", service, "connections"),
            next_step='add [connections.evidence] with adapter = "vault_folder", and '
            f'`vault = "evidence"` to [services.{service}.connections].',
        )


def _without_calendar(
    settings: Settings, service: str, connections: Connections
) -> Iterator[ConfigurationError]:
    """Legal clocks are the engine's, whatever the playbook: who declares regimes needs a calendar."""
    table = settings.services[service]
    connected = connections.get(table.connections.get(compute_due.capability, ""))
    if table.regimes and (connected is None or compute_due not in connected.type.methods):
        yield ConfigurationError(
            f"service {service!r} declares legal regimes and has no calendar for their clocks",
            where=settings.where("services", service, "regimes"),
            next_step='add [connections.calendar] with adapter = "clocks_calendar", and '
            f'`clocks = "calendar"` to [services.{service}.connections].',
        )


def _without_channels(
    settings: Settings, service: str, connections: Connections
) -> Iterator[ConfigurationError]:
    """Channels are the engine's too: who names one needs an adapter that tells by it."""
    ports: list[AnyPort] = [port for port in vars(channels).values() if isinstance(port, Port)]
    for capability in sorted({port.capability for port in ports}):
        chosen = settings.services[service].connections.get(capability)
        connected = connections.get(chosen) if chosen else None
        offered = connected.type.methods if connected else {}
        lacking = [p for p in ports if p.capability == capability and p not in offered]
        if chosen and lacking:
            yield ConfigurationError(
                f"connection {chosen!r} of service {service!r} does not offer {_names(lacking)}",
                where=settings.where("services", service, "connections", capability),
                next_step="name a connection whose adapter does.",
            )


def _misparametrised(
    settings: Settings, service: str, spec: PlaybookSpec
) -> list[ConfigurationError]:
    try:
        spec.parameters.model_validate(settings.services[service].parameters)
    except ValidationError as error:
        said, path = f"service {service!r}, playbook {spec.id!r}", ("services", service)
        return _invalid(settings, said, spec.parameters, error, *path, "parameters")
    return []


def _invalid(
    settings: Settings, said: str, model: type[BaseModel], error: ValidationError, *path: str
) -> list[ConfigurationError]:
    return [
        ConfigurationError(f"{said}: {what}", where=settings.where(*path, *below), next_step=hint)
        for below, what, hint in found_by_pydantic(model, error)
    ]


def _names(ports: Sequence[AnyPort]) -> str:
    return ", ".join(sorted(port.name for port in ports))
