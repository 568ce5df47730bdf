"""The engine that enforces the contract of every step, in one place for all playbooks.

A playbook says what, on what, how it is proven, how it is undone and who must agree. Timeouts,
retries, journal, gates, search attributes, compensation and continue-as-new happen here.
"""

from workflows.engine import checks
from workflows.engine.failures import StepGivenUp
from workflows.engine.playbook import Playbook
from workflows.engine.proof import Check, Proof, Stands
from workflows.engine.spec import PlaybookSpec, playbook
from workflows.engine.steps import Act, do

__all__ = [
    "Act",
    "Check",
    "Playbook",
    "PlaybookSpec",
    "Proof",
    "Stands",
    "StepGivenUp",
    "checks",
    "do",
    "playbook",
]
