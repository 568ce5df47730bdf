"""A Temporal for tests: the real server, in memory, where one workflow's time can be skipped.

The skipping is Temporal's own and experimental there; ``hemostat[server]`` brings the server.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from hemostat.temporal import ensure_namespace
from hemostat.temporal.embedded import TUNING, temporal_executable

WHO: Final = "rehearsal"
"""The identity in every event; by default it would be a process and a host name."""


@asynccontextmanager
async def skipping_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """Start the server, once for many rehearsals; ``ConfigurationError`` where there is none.

    Time passes as usual until ``Incident.skip`` skips it.
    """
    settings = ("frontend.WorkflowTimeSkippingEnabled=true", *TUNING)
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(temporal_executable()),
        dev_server_extra_args=[arg for s in settings for arg in ("--dynamic-config-value", s)],
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=pydantic_data_converter,
        identity=WHO,
    ) as temporal:
        await ensure_namespace(temporal.client)
        yield temporal
