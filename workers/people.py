"""The people of ``hemostat.toml`` against the gates of the playbooks that are enabled."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from types import ModuleType
from typing import Any, Final

from pydantic import ValidationError

from hemostat.settings import Settings
from hemostat.settings.problems import Found
from hemostat.settings.roster_problems import expired, unknown_gates, weak_gates
from schemas.errors import ConfigurationError
from schemas.gate import GatePolicy
from schemas.gate_state import with_ladders
from workers.registry import discover_playbooks, spec_of
from workflows.engine import lifecycle
from workflows.engine.glass import review_gate

_ENGINE: Final = "workflows.engine"


def gates_of(playbook: type, parameters: Mapping[str, Any] | None = None) -> tuple[GatePolicy, ...]:
    """Return every gate that an incident of *playbook* may open, ours included.

    They are the policies that its file and the modules of gates that it uses name, and those that
    a module's ``of_service`` makes of the service's own *parameters*.
    """
    files = [
        sys.modules[base.__module__]
        for base in playbook.__mro__
        if base.__module__.startswith("workflows.") and not base.__module__.startswith(_ENGINE)
    ] or [sys.modules[playbook.__module__]]
    named = [v for m in files for v in vars(m).values() if isinstance(v, ModuleType)]
    modules = dict.fromkeys([*files, *(m for m in named if m.__name__.endswith(".gates"))])
    own = [v for m in modules for v in vars(m).values() if isinstance(v, GatePolicy)]
    for module in modules:
        if of_service := vars(module).get("of_service"):
            with suppress(ValidationError):  # told by whoever wires the service
                own += of_service(spec_of(playbook).parameters.model_validate(parameters or {}))
    return (*dict.fromkeys(own), lifecycle.FALSE_ALARM, lifecycle.BY_HAND)


def weaknesses(settings: Settings, now: datetime) -> list[ConfigurationError]:
    """Return what would keep people from answering, each with its line; none without people."""
    playbooks = discover_playbooks()
    found: list[Found] = []
    for service, table in settings.services.items():
        enabled = [playbooks[name] for name in table.playbooks if name in playbooks]
        policies = [p for playbook in enabled for p in gates_of(playbook, table.parameters)]
        found += unknown_gates(service, table.gates, policies)
        if settings.roles:
            roster = settings.roster(service)
            if roster.break_glass.people:
                policies.append(review_gate("review-break-glass-1"))
            gates = [with_ladders(policy, roster) for policy in policies]
            found += weak_gates(roster, service, gates, now)
    if settings.roles:
        found += expired(settings.roster(), now)
    return [
        ConfigurationError(what, where=settings.where(*path), next_step=hint)
        for path, what, hint in dict.fromkeys(found)
    ]
