"""A production worker with traps in it: ``python -m tests.crash.worker FOLDER``.

Everything is composed as ``python -m workers`` does it. The one difference is an interceptor,
outside all others, that may kill the process before or after an effectful act. It starts to poll
at SIGUSR1, so that a replacement can be loaded before it is needed.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import temporalio.client
import temporalio.worker
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from hemostat.settings import Settings
from hemostat.temporal import connect
from tests.crash.fault import Act, Trap, When
from workers.worker import run_worker

WAITING = "ready to start"
WORKING = "working on task queue"


class Trapped(temporalio.client.Interceptor, temporalio.worker.Interceptor):
    """Given to the client, because ``run_worker`` takes no interceptors; workers inherit it."""

    def __init__(self, traps: Path) -> None:
        self._traps = traps

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Inbound(next, self._traps)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, traps: Path) -> None:
        super().__init__(following)
        self._traps = traps

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        key = getattr(input.args[0], "key", "")
        if not key:  # a look changes nothing
            return await super().execute_activity(input)
        info = activity.info()
        act = Act.of(info.activity_type, key, info.workflow_id or "", info.workflow_run_id or "")
        await self._come_to(act, When.BEFORE)
        answer = await super().execute_activity(input)
        await self._come_to(act, When.AFTER)
        return answer

    async def _come_to(self, act: Act, when: When) -> None:
        for trap in Trap.armed_in(self._traps):
            match trap.spring(act, when):
                case True:
                    os.kill(os.getpid(), signal.SIGKILL)
                case False:
                    while not trap.may_go_on:
                        activity.heartbeat()
                        await asyncio.sleep(0.01)


async def work(folder: Path) -> None:
    """Wait for SIGUSR1, then work until stopped or killed."""
    settings = Settings.load()
    plain = await connect()
    config: Mapping[str, Any] = plain.config()
    client = Client(**{**config, "interceptors": [Trapped(folder)]})
    go = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, go.set)
    logging.getLogger(__name__).info(WAITING)
    await go.wait()
    await run_worker(client, settings)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(work(Path(sys.argv[1])))
    logging.shutdown()
    os._exit(0)  # as ``python -m workers`` does, for the reason given there
