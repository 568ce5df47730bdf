"""Where a recorded course plays."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.testing import WorkflowEnvironment

from schemas.alert import Alert
from tests.workflows.case import Case
from tests.workflows.world import World


@dataclass(frozen=True)
class Stage:
    """Where a scenario plays."""

    env: WorkflowEnvironment
    queue: str
    world: World

    async def poisoned(self, *alerts: Alert) -> Case:
        """An incident of feedback poisoning."""
        return await Case.open(self.env.client, self.queue, *alerts)

    async def unrouted(self) -> Case:
        """An incident of triage."""
        return await Case.open(self.env.client, self.queue, playbook="triage")


Scenario = Callable[[Stage], Awaitable[Case]]
