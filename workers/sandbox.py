"""Playbooks run in Temporal's sandbox; only messages and our engine pass through it.

Law: what passes through is shared by all runs, so it holds no mutable module state and does
nothing when imported; that the engine uses no clock, dice, network or disk is the import
contracts' to tell. A playbook file is loaded anew for each run, where they also raise. (Loading
the engine with it would cost nearly three times as much: 13 ms a run instead of 5.)
"""

from temporalio.worker import WorkflowInstance
from temporalio.worker._workflow_instance import WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workers.history_guard import HistoryGuard

PASSED_THROUGH = ("schemas", "rfc8785", "cryptography", "workflows.engine")
"""Besides what the SDK always passes: the standard library, pydantic and Temporal itself."""


class _Guarded(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        guard = HistoryGuard(instance.activate)
        setattr(instance, "activate", guard)  # noqa: B010 - the SDK has no other place for it
        return instance


def sandbox() -> SandboxedWorkflowRunner:
    """Return the runner that every worker and every replay of a playbook uses."""
    return _Guarded(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )
