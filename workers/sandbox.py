"""Playbooks run in Temporal's sandbox; only messages and our engine pass through it.

Law: what passes through is shared by all runs, so it holds no mutable module state and does
nothing when imported. A playbook file is loaded anew for each run, and there the clock, dice,
network and disk raise.
"""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = ("schemas", "rfc8785")
"""Besides what the SDK always passes: the standard library, pydantic and Temporal itself."""


def sandbox() -> SandboxedWorkflowRunner:
    """Return the runner that every worker and every replay of a playbook uses."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )
