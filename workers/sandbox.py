"""Playbooks run in Temporal's sandbox; only messages and our engine pass through it.

Law: what passes through is shared by all runs, so it holds no mutable module state and does
nothing when imported; that the engine uses no clock, dice, network or disk is the import
contracts' to tell. A playbook file is loaded anew for each run, where they also raise. (Loading
the engine with it would cost nearly three times as much: 13 ms a run instead of 5.)
"""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = ("schemas", "rfc8785", "workflows.engine")
"""Besides what the SDK always passes: the standard library, pydantic and Temporal itself."""


def sandbox() -> SandboxedWorkflowRunner:
    """Return the runner that every worker and every replay of a playbook uses."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )
