"""One attacked service with everything around it: real servers, stand-ins, proxies, workers.

What is attacked and how is each playbook's own (``*_scene.py``). Workers are processes of this
file's making, one of which works while another is loaded and waits for that one's death.
"""

import asyncio
import itertools
import json
import os
import secrets
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Generic, Self, TypeVar

from temporalio.client import Client

from hemostat.drill.addresses import Addresses
from hemostat.drill.range.population import MEMBERS
from hemostat.drill.range.standins.standin import Control, start_standin
from hemostat.drill.stage import Ground
from hemostat.processes import ChildExited, ChildProcess, free_ports
from hemostat.settings import Settings
from hemostat.temporal import connect_to
from hemostat.temporal.embedded import EmbeddedTemporal, start_embedded_temporal
from schemas.alert import Alert
from tests.crash.fault import Trap
from tests.crash.outside import Outside
from tests.crash.proxy import Proxy
from tests.crash.worker import WAITING, WORKING

ROOT = Path(__file__).parents[2]
READY_WITHIN = timedelta(seconds=60)

R = TypeVar("R", bound=Ground)


class Scene(ABC, Generic[R]):
    """Everything that one incident at a time needs. Use as an async context manager."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._numbers = itertools.count(1)
        self._workers: list[ChildProcess] = []
        self._worker: ChildProcess | None = None
        self._replacement: asyncio.Task[ChildProcess] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # What each playbook's own scene says

    playbook: ClassVar[str]
    service: ClassVar[str]

    @abstractmethod
    def ground(self) -> AbstractAsyncContextManager[R]:
        """The range, not yet entered."""

    @abstractmethod
    def systems(self) -> Mapping[str, Proxy]:
        """The systems that Hemostat is to reach through a proxy, by name."""

    @abstractmethod
    async def describe(self, where: Addresses, urls: Mapping[str, str]) -> str:
        """The text of hemostat.toml; *urls* has the proxies by name."""

    @abstractmethod
    def look(self) -> Outside:
        """Who looks at the systems as a stranger would."""

    @abstractmethod
    async def attack(self) -> None:
        """Attack, and leave things still: from then on what happens is Hemostat's doing."""

    @abstractmethod
    def alert(self) -> Alert:
        """What opens an incident."""

    # What they share

    async def _start(self) -> None:
        enter = self._stack.enter_async_context
        self.range: R = await enter(self.ground())
        self.state = self.range.state
        self._write_secrets()
        port, ui_port, pager_port, tickets_port, gateway_port = free_ports(5)
        self._ports = (port, ui_port)
        await self._start_temporal()
        self._stack.push_async_callback(self._stop_temporal)
        self.client: Client = await connect_to(self.temporal.address, self.temporal.namespace)
        self.pagerduty = await self._standin("pagerduty", pager_port)
        self.servicenow = await self._standin("servicenow", tickets_port)
        self.proxies = {name: await enter(proxy) for name, proxy in self.systems().items()}
        urls = {name: proxy.url for name, proxy in self.proxies.items()}
        where = Addresses(gateway_port, self.pagerduty.url, self.servicenow.url)
        config = self.state / "hemostat.toml"
        config.write_text(await self.describe(where, urls), encoding="utf-8")
        self.settings = Settings.load(config)
        self._traps = self.state / "traps"
        self._traps.mkdir()
        self.outside = self.look()
        self._stack.push_async_callback(self.outside.aclose)
        self._stack.push_async_callback(self._stop_workers)
        loading = asyncio.create_task(self._load_worker())
        await self.attack()
        self._worker = await loading
        await self._promote()

    def _write_secrets(self) -> None:
        self.servicenow_password = secrets.token_urlsafe(24)
        for name, value in {
            "servicenow-user": "hemostat",
            "servicenow-password": self.servicenow_password,
            "routing-key": secrets.token_hex(16),
            "trusted-accounts.json": json.dumps(list(MEMBERS)),
        }.items():
            file = self.state / name
            file.touch(mode=0o600)
            file.write_text(value, encoding="utf-8")

    def new_routing_key(self) -> None:
        """PagerDuty limits the calls of one key, and no real one has an incident every second."""
        (self.state / "routing-key").write_text(secrets.token_hex(16), encoding="utf-8")

    async def _start_temporal(self) -> None:
        self.temporal: EmbeddedTemporal = await start_embedded_temporal(
            self.state / "temporal", *self._ports
        )

    async def _stop_temporal(self) -> None:
        await self.temporal.kill()

    async def restart_temporal(self, down: float) -> None:
        """SIGKILL, *down* seconds of nothing, and the same file again."""
        await self.temporal.kill()
        await asyncio.sleep(down)
        await self._start_temporal()

    async def _standin(self, name: str, port: int) -> Control:
        env = {"STANDIN_USER": "hemostat", "STANDIN_PASSWORD": self.servicenow_password}
        child, control = await start_standin(
            name, self.state / name, port, {**self.range.env, **env}
        )
        self._stack.push_async_callback(child.stop)
        self._stack.push_async_callback(control.aclose)
        await control.wait(child)
        return control

    # Workers

    def trap(self, number: int = 0) -> Trap:
        """The one of this number."""
        return Trap(self._traps, number)

    def no_traps(self) -> None:
        """Forget all of them."""
        for file in self._traps.iterdir():
            file.unlink()

    async def worker_died(self) -> None:
        """Return when the worker is dead."""
        assert self._worker is not None
        status = await self._worker.wait()
        assert status == -signal.SIGKILL, self._worker.log_tail()

    async def replace_worker(self) -> None:
        """Have the loaded replacement work, and load the next one."""
        assert self._replacement is not None
        if self._worker is not None:
            await self._worker.kill()
        self._worker = await self._replacement
        await self._promote()

    async def _promote(self) -> None:
        assert self._worker is not None
        os.kill(self._worker.pid, signal.SIGUSR1)
        try:
            await self._worker.wait_ready(_says(self._worker, WORKING), READY_WITHIN)
        except ChildExited:  # it worked, and came to the next fault at once
            if WORKING not in self._worker.log_tail():
                raise
        self._replacement = asyncio.create_task(self._load_worker())

    async def _load_worker(self) -> ChildProcess:
        name = f"worker-{next(self._numbers)}"
        worker = await ChildProcess.start(
            name,
            [sys.executable, "-m", "tests.crash.worker", self._traps],
            log=self.state / "logs" / f"{name}.log",
            env={
                **self.range.env,
                "HEMOSTAT_CONFIG": str(self.settings.file),
                "TEMPORAL_ADDRESS": self.temporal.address,
                "TEMPORAL_NAMESPACE": self.temporal.namespace,
            },
            cwd=ROOT,
        )
        self._workers.append(worker)
        await worker.wait_ready(_says(worker, WAITING), READY_WITHIN)
        return worker

    async def _stop_workers(self) -> None:
        if self._replacement is not None:
            self._replacement.cancel()
            await asyncio.gather(self._replacement, return_exceptions=True)
        for worker in self._workers:
            await worker.kill()


def _says(worker: ChildProcess, what: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return what in worker.log_tail()

    return check
