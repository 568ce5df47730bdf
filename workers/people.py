"""The people of ``hemostat.toml`` against the gates of the playbooks that are enabled."""

import sys
from datetime import datetime
from types import ModuleType

from hemostat.roster_problems import expired, weak_gates
from hemostat.settings import Settings
from schemas.errors import ConfigurationError
from schemas.gate import GatePolicy
from schemas.gate_state import with_ladders
from workers.registry import discover_playbooks
from workflows.engine import lifecycle


def gates_of(playbook: type) -> tuple[GatePolicy, ...]:
    """Return the gates that a playbook's file names, itself or in a module of gates, and ours."""
    module = sys.modules[playbook.__module__]
    beside = [
        value
        for value in vars(module).values()
        if isinstance(value, ModuleType) and value.__name__.endswith(".gates")
    ]
    own = [v for m in (module, *beside) for v in vars(m).values() if isinstance(v, GatePolicy)]
    return (*dict.fromkeys(own), lifecycle.FALSE_ALARM, lifecycle.BY_HAND)


def weaknesses(settings: Settings, now: datetime) -> list[ConfigurationError]:
    """Return what would keep people from answering, each with its line; none without people."""
    if not settings.roles:
        return []
    playbooks = discover_playbooks()
    found = expired(settings.roster(), now)
    for service, table in settings.services.items():
        roster = settings.roster(service)
        for playbook in table.playbooks:
            if playbook in playbooks:
                gates = [with_ladders(policy, roster) for policy in gates_of(playbooks[playbook])]
                found += weak_gates(roster, service, gates, now)
    return [
        ConfigurationError(what, where=settings.where(*path), next_step=hint)
        for path, what, hint in dict.fromkeys(found)
    ]
