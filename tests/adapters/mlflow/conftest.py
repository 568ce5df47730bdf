"""A real MLflow server, started once, with a model of its own for every test."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from activities.registry_mlflow import Connection, RegistryMlflow
from hemostat.drill.range.poisoning.mlflow_server import start_mlflow, wait_mlflow
from hemostat.processes import free_port
from hemostat.vault import Vault
from tests.adapters.liar import Liar

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # of the vendor's client, which the tests use

from mlflow import MlflowClient

WEBHOOKS = {
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "0",
}
"""So that it sends webhooks to this machine, and to one that was named just now."""


@dataclass(frozen=True)
class Model:
    """A registered model with versions 1 to 3; champion names 3."""

    name: str
    client: MlflowClient

    def champion(self) -> str | None:
        aliases = self.client.get_registered_model(self.name).aliases
        version = aliases.get("champion")
        return None if version is None else str(version)

    def point(self, version: str) -> None:
        self.client.set_registered_model_alias(self.name, "champion", version)

    def add_version(self, **tags: str) -> None:
        self.client.create_model_version(self.name, source="s3://models/m", tags=tags)


@pytest.fixture(scope="session")
async def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = await start_mlflow(tmp_path_factory.mktemp("mlflow"), port, WEBHOOKS)
    async with server:
        await wait_mlflow(server, url)
        yield url


@pytest.fixture
def model(mlflow_url: str) -> Model:
    made = Model(f"sentiment-{uuid4().hex}", MlflowClient(mlflow_url, mlflow_url))
    made.client.create_registered_model(made.name)
    made.add_version(
        training_cutoff="2026-10-01T00:00:00+02:00",
        dataset_digest="sha256:d1",
        artifact_digest="sha256:a1",
        validated_at="2026-11-01T00:00:00Z",
    )
    made.add_version(training_cutoff="yesterday", artifact_digest="two words", parent_version="1")
    made.add_version(training_cutoff="2026-11-01T00:00:00", artifact_digest="sha256:a3")
    made.point("3")
    return made


@pytest.fixture
async def registry(mlflow_url: str, tmp_path: Path) -> AsyncIterator[RegistryMlflow]:
    connection = Connection(adapter="registry_mlflow", url=mlflow_url)
    adapter = RegistryMlflow(connection, Vault(tmp_path))
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def liar(mlflow_url: str) -> AsyncIterator[Liar]:
    async with Liar(mlflow_url) as lying:
        yield lying


@pytest.fixture
async def deceived(liar: Liar, tmp_path: Path) -> AsyncIterator[RegistryMlflow]:
    """The adapter with the liar between it and the real server."""
    connection = Connection(
        adapter="registry_mlflow", url=liar.url, timeout_seconds=4, watch_seconds=0.05
    )
    adapter = RegistryMlflow(connection, Vault(tmp_path))
    yield adapter
    await adapter.aclose()
