"""A playbook without the engine: it clamps once, wherever it is told to."""

from datetime import timedelta
from typing import ClassVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from schemas.base import Frozen
from tests.workers.fake_port import Clamp, Clamped, clamp_vessel, look_at_vessel
from workflows.engine.spec import PlaybookSpec


class Parameters(Frozen):
    vessel: str


@workflow.defn(name="clamp-it")
class ClampIt:
    spec: ClassVar = PlaybookSpec(
        id="clamp-it",
        title="Clamp it",
        ports=(clamp_vessel, look_at_vessel),
        parameters=Parameters,
    )

    @workflow.run
    async def run(self, request: Clamp) -> Clamped:
        clamped: Clamped = await workflow.execute_activity(
            clamp_vessel.name,
            request,
            result_type=clamp_vessel.result,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )
        return clamped
