"""The real MLflow sends its webhooks to the real gateway, over HTTP and signed by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from hemostat.processes import LOOPBACK
from tests.adapters.mlflow.conftest import Model
from tests.unit.test_gateway import Gateway

pytestmark = pytest.mark.real

TOML = """
[sources.registry]
kind = "mlflow"
secret = "env:HEMOSTAT_TEST_TOKEN"
unrouted = "ignore"

[[routes]]
source = "registry"
match = { event = "model_version_alias.created", alias = "champion" }
playbook = "feedback-poisoning"
service = "sentiment-api"
correlate_by = ["name"]

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
"""
WITHIN_SECONDS = 30


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setenv("HEMOSTAT_TEST_TOKEN", "s3cret")
    return Gateway(tmp_path, TOML)


@pytest.fixture
async def address(gateway: Gateway) -> AsyncIterator[str]:
    config = uvicorn.Config(
        gateway.app, host=LOOPBACK, port=0, log_config=None, lifespan="off", proxy_headers=False
    )
    listening = config.bind_socket()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://{LOOPBACK}:{listening.getsockname()[1]}/alerts/registry"
    server.should_exit = True
    await serving
    listening.close()


async def test_an_alias_that_was_moved_out_of_band_opens_the_incident_it_is_routed_to(
    gateway: Gateway, address: str, model: Model
) -> None:
    def watched() -> None:
        webhook = model.client.create_webhook(
            "hemostat",
            address,
            ["model_version_alias.created", "model_version_tag.set"],
            secret="s3cret",
        )
        try:
            model.client.set_model_version_tag(model.name, "2", "validated", "yes")
            model.point("2")
            answered = model.client.test_webhook(webhook.webhook_id)
            assert answered.success, answered.response_body
        finally:
            model.client.delete_webhook(webhook.webhook_id)

    await asyncio.to_thread(watched)
    async with asyncio.timeout(WITHIN_SECONDS):
        while not gateway.temporal.alerts:  # MLflow sends from a pool of its own
            await asyncio.sleep(0.05)
    ((batch,),) = gateway.temporal.running.values()
    (made,) = batch.alerts
    assert made.labels["name"] == model.name
    assert (made.labels["alias"], made.labels["version"]) == ("champion", "2")
    assert (made.auth.scheme, made.auth.key_id) == ("hmac-sha256", "registry/1")


async def test_a_webhook_that_does_not_know_the_secret_is_told_so(
    gateway: Gateway, address: str, model: Model
) -> None:
    def forged(secret: str | None) -> None:
        webhook = model.client.create_webhook(
            "hemostat", address, ["model_version_alias.created"], secret=secret
        )
        try:
            refused = model.client.test_webhook(webhook.webhook_id)
        finally:
            model.client.delete_webhook(webhook.webhook_id)
        assert refused.response_status == 401
        assert "missing or wrong" in str(refused.response_body)

    for secret in ("another", None):
        await asyncio.to_thread(forged, secret)
    assert gateway.temporal.alerts == 0
