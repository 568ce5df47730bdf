"""The API of a gateway on a real Temporal, and people who ask it with tokens of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx2
import pytest
from temporalio.client import Client

from hemostat.identity.desk import Identity
from hemostat.settings import Settings
from schemas.who import Who
from tests.real.console.stage import Served, served, settings
from tests.workflows.conftest import FLAGS, server, working
from tests.workflows.world import World

RESTRICTED = """
[services.sentiment-secret]
restricted = true
need_to_know = ["ciso"]
playbooks = ["feedback-poisoning"]
"""


@dataclass
class Stage:
    """A gateway, and callers of it."""

    served: Served
    made: Settings
    identity: Identity
    tokens: dict[str, str] = field(default_factory=dict)
    lent_at: dict[str, float] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.served.url}/api/v1"

    def who(self, person: str) -> Who:
        account = self.identity.accounts.get(person)
        assert account is not None
        return self.identity.local(account, "password")

    def token(self, person: str) -> str:
        """A token lent by this person, as the device flow makes it; their proof is fresh in it."""
        if person not in self.tokens or monotonic() - self.lent_at[person] > 120:
            device, code = self.identity.tokens.ask()
            assert self.identity.tokens.answer(code, self.who(person))
            self.tokens[person] = self.identity.tokens.collect(device)[0]
            self.lent_at[person] = monotonic()
        return self.tokens[person]

    @asynccontextmanager
    async def as_(self, person: str | None, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
        """A client that asks as *person*, as nobody if None."""
        if person is not None:
            headers["Authorization"] = f"Bearer {self.token(person)}"
        async with httpx2.AsyncClient(
            trust_env=False, base_url=self.url, headers=headers, timeout=30
        ) as http:
            yield http

    async def get(self, person: str | None, path: str, **query: Any) -> httpx2.Response:
        async with self.as_(person) as http:
            return await http.get(path, params=query)

    async def post(
        self, person: str | None, path: str, body: object, **headers: str
    ) -> httpx2.Response:
        async with self.as_(person, **headers) as http:
            return await http.post(path, json=body)


@pytest.fixture(scope="session")
async def temporal_client() -> AsyncIterator[Client]:
    async with server(FLAGS) as env:
        yield env.client


@pytest.fixture(scope="session")
async def stage(
    temporal_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("api")
    settings(folder)
    file = folder / "hemostat.toml"
    quick = "[gateway]\nrequests_per_second = 100000\nburst = 100000\n"
    file.write_text(file.read_text().replace("[gateway]\n", quick, 1) + RESTRICTED)
    made = Settings.load(file)
    async with (
        working(temporal_client, World()) as queue,
        served(temporal_client, queue, made) as gateway,
    ):
        yield Stage(gateway, made, Identity(made))
