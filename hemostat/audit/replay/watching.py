"""A workflow runner that notes what a replayed run asks for, with all that it carries.

It stands where the SDK hands an activation to the run and takes its commands: nothing that a
playbook can ask for passes elsewhere, and the run itself notices nothing.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio import workflow
from temporalio.bridge.proto.workflow_activation import QueryWorkflow, WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowRunner
from temporalio.worker._workflow_instance import WorkflowInstanceDetails

CLOCKS: Final = "clocks"
"""The query that a run answers with its ledger of legal clocks."""


@dataclass
class Watched:
    """What one replayed run did."""

    commands: list[tuple[int, WorkflowCommand]] = field(default_factory=list)
    failed: str = ""
    """Why its last task failed, if the playbook itself raised."""
    details: WorkflowInstanceDetails | None = None
    """What the run was made from, so that it can be made anew."""
    activations: list[WorkflowActivation] = field(default_factory=list)
    clocks: Any = None
    """The ledger of legal clocks when the run was over, as it answers for it; None: not asked for."""
    _instance: Any = None
    _entries: int = 0

    def note(self, given: WorkflowActivation, done: WorkflowActivationCompletion) -> None:
        """Note what came of one activation."""
        if done.HasField("failed"):
            self.failed = done.failed.failure.message
        for command in done.successful.commands:
            self.commands.append((given.history_length, command))
        if any(not job.HasField("remove_from_cache") for job in given.jobs):
            self.activations.append(given)
            self._entries = len(self._chain())

    def ask_for_clocks(
        self, activate: Callable[[WorkflowActivation], WorkflowActivationCompletion]
    ) -> None:
        """Ask the run, as it stands, for its legal clocks; what does not answer has none."""
        if not self.activations or self.failed:
            return
        asked = WorkflowActivation(
            run_id=self.activations[-1].run_id,
            timestamp=self.activations[-1].timestamp,
            history_length=self.activations[-1].history_length,
        )
        asked.jobs.add().query_workflow.CopyFrom(QueryWorkflow(query_id=CLOCKS, query_type=CLOCKS))
        for command in activate(asked).successful.commands:
            if command.respond_to_query.HasField("succeeded"):
                with suppress(ValueError):
                    self.clocks = json.loads(command.respond_to_query.succeeded.response.data)

    def journal(self) -> list[dict[str, Any]]:
        """The journal that the run wrote, as JSON; empty of what is no playbook of ours."""
        return [entry.model_dump(mode="json") for entry in self._chain()[: self._entries]]

    def _chain(self) -> list[Any]:
        playbook = getattr(_innermost(self._instance), "_object", None)
        chain = getattr(getattr(playbook, "record", None), "chain", None)
        return getattr(chain, "entries", [])


class Watching(WorkflowRunner):
    """Runs workflows as *runner* does, and keeps what each asked for under its run id."""

    def __init__(self, runner: WorkflowRunner, *, clocks: bool = False) -> None:
        self._runner = runner
        self._clocks = clocks
        """Whether each run is asked for its legal clocks before it goes."""
        self.runs: dict[str, Watched] = {}

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        """Let the runner prepare it."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Make the run, watched."""
        instance = self._runner.create_instance(det)
        watched = self.runs[det.info.run_id] = Watched(details=det, _instance=instance)
        activate = instance.activate

        def noting(given: WorkflowActivation) -> WorkflowActivationCompletion:
            if self._clocks and any(job.HasField("remove_from_cache") for job in given.jobs):
                watched.ask_for_clocks(activate)
            done = activate(given)
            watched.note(given, done)
            return done

        setattr(instance, "activate", noting)  # noqa: B010 - the SDK has no other place for it
        return instance


class PreparedOnce(WorkflowRunner):
    """Runs workflows as *runner* does, and loads each to see that it can be loaded once only.

    A replayer asks that of every playbook it is given, whatever it is to replay; for a long list
    of incidents, each with a replayer of its own, that is a fifth of all the work.
    """

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner
        self._prepared: set[type] = set()

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        """Let the runner prepare it the first time; what it raises, it raises each time."""
        if defn.cls not in self._prepared:
            self._runner.prepare_workflow(defn)
            self._prepared.add(defn.cls)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Let the runner make the run."""
        return self._runner.create_instance(det)


def _innermost(instance: Any) -> Any:
    """The instance that holds the playbook: in the sandbox it is another one than we made."""
    inside = getattr(instance, "globals_and_locals", {}).get("__temporal_in_sandbox")
    return getattr(inside, "instance", instance)
