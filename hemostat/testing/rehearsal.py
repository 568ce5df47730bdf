"""Where incidents are rehearsed: a worker as it runs in production, and fakes in place of systems."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import JsonValue, ValidationError
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from hemostat.gateway.incident_signal import listed_at_start
from hemostat.gateway.routing import opening_of
from hemostat.settings.problems import found_by_pydantic
from hemostat.testing.alerts import alert
from hemostat.testing.incident import Incident
from hemostat.testing.pager import Pager
from hemostat.testing.vault import MemoryVault
from schemas.alert import Alert, AlertBatch
from schemas.base import Frozen, Name
from schemas.errors import BadInput
from schemas.incident import GateOverride, IncidentResult, Service
from workers.connections import Connected
from workers.registry import Adapter, AdapterType, discover_playbooks, fulfilled_by, spec_of
from workers.worker import make_worker
from workflows.engine.spec import PlaybookSpec

SERVICE = "rehearsed"
"""The name of the service that incidents here are about."""


@dataclass(frozen=True)
class Rehearsal:
    """A worker with every installed playbook, connected to fakes.

    Its ``pager`` and its ``vault`` are there unless fakes of their capabilities are given.
    """

    temporal: WorkflowEnvironment
    pager: Pager
    vault: MemoryVault
    _queue: str
    _connections: Mapping[Name, Name]
    _playbooks: Mapping[str, type] = field(repr=False)

    async def open(
        self,
        playbook: str,
        *alerts: Alert,
        parameters: Mapping[str, JsonValue] | None = None,
        gates: Mapping[Name, GateOverride] | None = None,
    ) -> Incident:
        """Open an incident of *playbook*, as the gateway does when *alerts* arrive.

        *parameters* and *gates* are what ``[services.NAME]`` would say. ``BadInput`` where they do
        not fit, no such playbook is installed, or one of its capabilities has no fake.
        """
        spec = self._spec(playbook)
        told = dict(parameters or {})
        self._refuse(spec, told)
        service = Service(
            name=SERVICE,
            connections=dict(self._connections),
            parameters=told,
            gates=dict(gates or {}),
        )
        opening = opening_of(playbook, service)
        handle: WorkflowHandle[Any, IncidentResult] = await self.temporal.client.start_workflow(
            playbook,
            opening,
            id=f"{playbook}-{uuid.uuid4().hex[:12]}",
            task_queue=self._queue,
            result_type=IncidentResult,
            start_signal="alert",
            start_signal_args=[AlertBatch(alerts=alerts or (alert(),)).model_dump(mode="json")],
            search_attributes=listed_at_start(opening),
        )
        return Incident(self.temporal, handle)

    def _spec(self, playbook: str) -> PlaybookSpec:
        if playbook not in self._playbooks:
            raise BadInput(
                f"there is no playbook {playbook!r}",
                next_step="install the package that brings it; `hemostat playbooks` lists them.",
            )
        return spec_of(self._playbooks[playbook])

    def _refuse(self, spec: PlaybookSpec, parameters: dict[str, JsonValue]) -> None:
        needed = {c for c in spec.capabilities if c not in spec.optional or parameters.get(c)}
        if lacking := sorted(needed - set(self._connections)):
            ports = sorted(port.name for port in spec.ports if port.capability in lacking)
            raise BadInput(
                f"no fake is given for {', '.join(lacking)}",
                where=spec.id,
                next_step=f"give one that fulfils what the playbook uses of: {', '.join(ports)}.",
            )
        try:
            spec.parameters.model_validate(parameters)
        except ValidationError as error:
            _, what, hint = next(found_by_pydantic(spec.parameters, error))
            raise BadInput(what, where=f"{spec.id}, parameters", next_step=hint) from error


@asynccontextmanager
async def rehearsal(temporal: WorkflowEnvironment, *fakes: object) -> AsyncIterator[Rehearsal]:
    """Run a worker on *temporal* with *fakes* in place of the systems outside.

    A fake is an object whose methods carry ``@fulfils(port)``; it serves the capabilities of those
    ports, and each capability has one fake. What a playbook asks and no fake fulfils fails for good
    and is in the journal, as it would in production. ``BadInput`` for what is no fake.
    """
    pager, vault = Pager(), MemoryVault()
    _, given = _connected(fakes)
    also = [one for c, one in (("pager", pager), ("vault", vault)) if c not in given]
    connected, serves = _connected((*fakes, *also))
    playbooks, queue = discover_playbooks(), f"rehearsal-{uuid.uuid4().hex[:8]}"
    async with make_worker(temporal.client, queue, playbooks, connected):
        yield Rehearsal(temporal, pager, vault, queue, serves, playbooks)


def _connected(fakes: tuple[object, ...]) -> tuple[dict[str, Connected], dict[Name, Name]]:
    """Each fake as a connection, and which of them serves each capability."""
    connected: dict[str, Connected] = {}
    serves: dict[Name, Name] = {}
    for number, fake in enumerate(fakes, 1):
        said, name = type(fake).__name__, f"fake-{number}"
        methods = fulfilled_by(type(fake))
        if not methods:
            raise BadInput(
                "this is no fake: none of its methods fulfils a port",
                where=said,
                next_step="give an object, and mark its methods with @fulfils(port).",
            )
        for capability in {port.capability for port in methods}:
            if serves.setdefault(capability, name) != name:
                raise BadInput(
                    f"two fakes are given for {capability}",
                    where=said,
                    next_step="give one for each capability.",
                )
        # A worker asks of an adapter that is built already only the methods of its ports.
        kind = AdapterType(said, Frozen, _never, methods)
        connected[name] = Connected(name, kind, cast("Adapter", fake))
    return connected, serves


def _never(connection: object, vault: object) -> Adapter:
    raise NotImplementedError  # a fake is there already
