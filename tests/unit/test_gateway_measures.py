"""``GET /metrics``: counts and durations, on this machine alone, and nothing that is restricted."""

from pathlib import Path

import httpx2
import pytest

from hemostat.audit.behind import Behind
from hemostat.gateway.measures import Measures
from hemostat.settings import Settings
from tests.unit.test_gateway import TOML, Gateway
from tests.webhooks import alert, webhook

RESTRICTED = TOML.replace('"feedback-poisoning"]\n', '"feedback-poisoning"]\nrestricted = true\n')


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEMOSTAT_TEST_TOKEN", "s3cret")
    monkeypatch.setenv("HEMOSTAT_TEST_OLD_TOKEN", "0ld")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.chdir(tmp_path)


async def scraped(gateway: Gateway, address: str = "127.0.0.1", **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=gateway.app, client=(address, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.get("/metrics", headers=headers)


async def test_what_was_taken_and_refused_is_counted(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    await gateway.post(webhook(alert(annotations={"summary": "the secret text"})))
    await gateway.post(webhook(alert(fingerprint="b" * 16)))
    await gateway.post(webhook(), headers={"Authorization": "Bearer wrong"})
    answer = await scraped(gateway)
    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'hemostat_alerts_total{source="prometheus",status="opened"} 1' in lines
    assert 'hemostat_alerts_total{source="prometheus",status="joined"} 1' in lines
    assert 'hemostat_deliveries_total{answer="taken"} 2' in lines
    assert 'hemostat_deliveries_total{answer="refused"} 1' in lines
    assert "hemostat_delivery_seconds_count 2" in lines
    assert "hemostat_sealing_seen 0" in lines, "no Temporal was there to look at"
    for text in ("secret text", "feedback-poisoning-", "sentiment-api"):
        assert text not in answer.text


async def test_alerts_of_a_restricted_service_are_in_no_count(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, RESTRICTED)
    assert (await gateway.post(webhook())).status_code == 202
    assert "hemostat_alerts_total{" not in (await scraped(gateway)).text


@pytest.mark.parametrize(
    ("address", "headers"),
    [("10.0.0.9", {}), ("::ffff:10.0.0.9", {}), ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"})],
    ids=["another machine", "written as IPv6", "through a proxy"],
)
async def test_strangers_are_told_nothing(
    tmp_path: Path, address: str, headers: dict[str, str]
) -> None:
    answer = await scraped(Gateway(tmp_path), address, **headers)
    assert answer.status_code == 404
    assert "hemostat_" not in answer.text


async def test_readiness_says_how_sealing_stands_and_refuses_nothing_for_it(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    async with gateway.client() as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "sealing": "unknown"})


async def test_the_alarm_is_a_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measures = Measures(Settings.parse(TOML), Gateway(tmp_path).temporal.connected)
    behind = Behind(open=2, seconds=12.5, worst=900, allowed=360)
    monkeypatch.setattr(measures, "_behind", behind)
    lines = measures._text().splitlines()
    assert "hemostat_sealing_behind 1" in lines
    assert "hemostat_sealing_lag_seconds 12.5" in lines
    assert "hemostat_incidents_open 2" in lines
    assert measures._behind is not None
    assert "15 min" in str(measures._behind.problem)
