"""The stage of a drill: the range, stand-ins, and the production processes, up and down together.

Law: Hemostat runs here as it runs anywhere: its own worker and gateway processes, a real Temporal,
one hemostat.toml. The drill only writes that file, attacks, looks from outside, and answers as the
people would.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

import httpx2
from temporalio.client import Client

from hemostat.audit.setup import first_key
from hemostat.drill.addresses import Addresses
from hemostat.drill.range.standins.standin import Control, start_standin
from hemostat.drill.told import CHANNEL, slack_id
from hemostat.keys import SigningKey, create_key
from hemostat.processes import LOOPBACK, ChildProcess, free_ports
from hemostat.settings import Settings
from hemostat.temporal import connect_to
from hemostat.temporal.embedded import EmbeddedTemporal, start_embedded_temporal

_READY_WITHIN: Final = timedelta(seconds=60)
_IDENTITY: Final = '\n[identity]\nkey = "file:gateway-key.pem"\n'
"""In a drill, too, only what is signed counts."""


class Ground(Protocol):
    """What every range offers to a stage."""

    state: Path
    env: dict[str, str]
    caddy_admin_url: str


G = TypeVar("G", bound=Ground)


class StageOn(Generic[G]):
    """Everything a drill needs. Use as an async context manager; leaving it leaves nothing."""

    ground: G
    temporal: EmbeddedTemporal
    client: Client
    pagerduty: Control
    servicenow: Control
    slack: Control
    settings: Settings
    key: SigningKey

    def __init__(self, ground: AbstractAsyncContextManager[G]) -> None:
        self._ground = ground
        self._stack = AsyncExitStack()
        self.children: dict[str, ChildProcess] = {}

    async def __aenter__(self) -> Self:
        try:
            self.ground = await self._stack.enter_async_context(self._ground)
            self.state = self.ground.state
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

    async def install(
        self,
        describe: Callable[[Addresses], str],
        members: Sequence[str],
        people: Sequence[str] = (),
    ) -> None:
        """Start Temporal, the stand-ins, worker and gateway, configured as *describe* says.

        *members* are the accounts that are trusted, *people* have an account in the range's Slack.
        """
        ports = free_ports(6)
        self._secrets(members)
        await asyncio.gather(
            self._start_temporal(*ports[:2]), self._start_standins(ports[2:5], people)
        )
        self.config = self.state / "hemostat.toml"
        where = Addresses(ports[5], self.pagerduty.url, self.servicenow.url, self.slack.url)
        self.key = create_key(self.state / "gateway-key.pem")
        self.config.write_text(describe(where) + _IDENTITY)
        self.settings = Settings.load(self.config)
        self.gateway_url = f"http://{LOOPBACK}:{ports[5]}"
        first_key(self.settings)
        await asyncio.gather(self.start_worker(), self._start_gateway(), self._start_sealer())

    async def start_worker(self) -> None:
        """Start the worker process (again); ready when it polls for work."""
        child = await self._python("worker", "-m", "workers")
        await child.wait_ready(self._worker_polls, _READY_WITHIN)

    async def edge_configuration(self) -> object:
        """What Caddy has as its configuration, asked at its admin address."""
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            return (await http.get(f"{self.ground.caddy_admin_url}/config/")).json()

    def _secrets(self, members: Sequence[str]) -> None:
        for name in ("alert-token", "servicenow-password", "slack-token"):
            self._secret(name, secrets.token_urlsafe(24))
        self._secret("servicenow-user", "hemostat")
        self._secret("routing-key", secrets.token_hex(16))
        (self.state / "trusted-accounts.json").write_text(json.dumps(list(members)))

    def _secret(self, name: str, value: str) -> None:
        file = self.state / name
        file.touch(mode=0o600)
        file.write_text(value)

    async def _start_temporal(self, port: int, ui_port: int) -> None:
        self.temporal = await self._stack.enter_async_context(
            await start_embedded_temporal(self.state / "temporal", port, ui_port)
        )
        self.client = await connect_to(
            self.temporal.address, self.temporal.namespace, identity="hemostat-drill"
        )

    async def _start_standins(self, ports: Sequence[int], people: Sequence[str]) -> None:
        account = {
            "STANDIN_USER": (self.state / "servicenow-user").read_text(),
            "STANDIN_PASSWORD": (self.state / "servicenow-password").read_text(),
        }
        workspace = {
            "STANDIN_TOKEN": (self.state / "slack-token").read_text(),
            "STANDIN_CHANNELS": CHANNEL,
            "STANDIN_USERS": ",".join(map(slack_id, people)),
        }
        self.pagerduty, self.servicenow, self.slack = await asyncio.gather(
            self._standin("pagerduty", ports[0], {}),
            self._standin("servicenow", ports[1], account),
            self._standin("slack", ports[2], workspace),
        )

    async def _standin(self, name: str, port: int, env: dict[str, str]) -> Control:
        folder = self.state / name
        child, control = await start_standin(name, folder, port, {**self.ground.env, **env})
        self._stack.push_async_callback(child.stop)
        self._stack.push_async_callback(control.aclose)
        await control.wait(child)
        return control

    async def _start_gateway(self) -> None:
        child = await self._python("gateway", "-m", "hemostat", "gateway")
        await child.wait_ready(self._gateway_answers, _READY_WITHIN)

    async def _start_sealer(self) -> None:
        child = await self._python("sealer", "-m", "hemostat", "sealer")
        await child.wait_ready(self._sealer_seals, _READY_WITHIN)

    async def _sealer_seals(self) -> bool:
        return "sealing with key" in self.children["sealer"].log_tail()

    async def _python(self, name: str, *arguments: str) -> ChildProcess:
        env = {
            **self.ground.env,
            "HEMOSTAT_CONFIG": str(self.config),
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": self.temporal.namespace,
        }
        child = await ChildProcess.start(
            name,
            [sys.executable, *arguments],
            log=self.state / "logs" / f"{name}.log",
            env=env,
            cwd=Path(__file__).resolve().parents[2],
        )
        self.children[name] = child
        self._stack.push_async_callback(child.stop)
        return child

    async def _worker_polls(self) -> bool:
        return "working on task queue" in self.children["worker"].log_tail()

    async def _gateway_answers(self) -> bool:
        async with httpx2.AsyncClient(trust_env=False, timeout=2) as http:
            return (await http.get(f"{self.gateway_url}/readyz")).is_success


def leave_no_environment() -> None:
    """Drop what the caller's shell says about Temporal: a drill has its own."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        del os.environ[name]
