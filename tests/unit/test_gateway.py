"""The gateway's HTTP surface against an obedient or broken Temporal of our own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from hemostat.gateway import alerts, intake
from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import Arrival, IncidentSignals, NotAccepted, Standing
from hemostat.gateway.routing import Destination
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.alert import AlertBatch, episode_mark
from schemas.errors import ConfigurationError
from tests.webhooks import alert, webhook
from workflows.engine.intake import declared

TOML = """
[gateway]
max_body = "32KiB"

[sources.prometheus]
kind = "alertmanager"
token = ["env:HEMOSTAT_TEST_TOKEN", "env:HEMOSTAT_TEST_OLD_TOKEN"]

[[routes]]
source = "prometheus"
match = { alertname = "FeedbackPoisoningSuspected" }
playbook = "feedback-poisoning"
service = "sentiment-api"
correlate_by = ["model"]

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
"""
TOKEN = {"Authorization": "Bearer s3cret"}


class Temporal(IncidentSignals):
    """Takes signals into a dictionary; can be down, slow, or remember closed incidents."""

    def __init__(self) -> None:
        super().__init__("hemostat")
        self.running: dict[str, list[AlertBatch]] = {}
        self.closed: dict[str, frozenset[str]] = {}
        self.requests: list[str] = []
        self.looks = 0
        self.broken: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def ready(self) -> None:
        await self._works()

    async def signal_running(self, incident: str, batch: AlertBatch, request_id: str) -> bool:
        await self._works()
        if incident not in self.running:
            return False
        self.requests.append(request_id)
        self.running[incident].append(batch)
        return True

    async def signal_with_start(
        self, destination: Destination, batch: AlertBatch, request_id: str, *, again: bool
    ) -> Arrival:
        await self._works()
        started = destination.incident not in self.running
        if started and destination.incident in self.closed and not again:
            return Arrival.REFUSED
        self.requests.append(request_id)
        self.running.setdefault(destination.incident, []).append(batch)
        return Arrival.STARTED if started else Arrival.JOINED

    async def standing(self, incident: str) -> tuple[Standing, frozenset[str]]:
        await self._works()
        self.looks += 1
        if incident in self.running:
            return Standing.RUNNING, frozenset()
        closed = self.closed.get(incident)
        return (Standing.UNKNOWN if closed is None else Standing.CLOSED), closed or frozenset()

    def close(self, incident: str) -> None:
        alerts = [a for batch in self.running.pop(incident) for a in batch.alerts]
        self.closed[incident] = frozenset(episode_mark(a.episode_key) for a in alerts)

    @property
    def alerts(self) -> int:
        return sum(len(b.alerts) for batches in self.running.values() for b in batches)

    async def _works(self) -> None:
        await self.go.wait()
        if self.broken:
            raise self.broken


Post = Callable[..., Any]


class Gateway:
    """The app, its Temporal and its vault, and a way to post to it."""

    def __init__(self, folder: Path, toml: str = TOML) -> None:
        self.temporal = Temporal()
        self.vault = Vault(folder / "vault")
        self.app = gateway_app(Settings.parse(toml), self.temporal, self.vault)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx2.AsyncClient]:
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client

    async def post(
        self, body: bytes, source: str = "prometheus", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        async with self.client() as client:
            return await client.post(
                f"/alerts/{source}", content=body, headers=TOKEN if headers is None else headers
            )


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setenv("HEMOSTAT_TEST_TOKEN", "s3cret")
    monkeypatch.setenv("HEMOSTAT_TEST_OLD_TOKEN", "0ld")
    return Gateway(tmp_path)


async def test_an_alert_opens_its_incident_and_its_body_is_sealed(gateway: Gateway) -> None:
    body = webhook()
    answer = await gateway.post(body)
    assert answer.status_code == 202
    (incident,) = answer.json()["incidents"]
    assert incident == {
        "id": incident["id"],
        "playbook": "feedback-poisoning",
        "service": "sentiment-api",
        "alerts": 1,
        "status": "opened",
    }
    assert incident["id"].startswith("feedback-poisoning-")
    (batch,) = gateway.temporal.running[incident["id"]]
    assert gateway.vault.read(batch.alerts[0].raw.digest) == body
    assert batch.alerts[0].auth.key_id == "prometheus/1"
    assert gateway.temporal.requests == [batch.alerts[0].delivery_key]


async def test_a_new_incident_takes_one_request_and_only_one_that_closed_is_looked_up(
    gateway: Gateway,
) -> None:
    (incident,) = (await gateway.post(webhook())).json()["incidents"]
    assert (len(gateway.temporal.requests), gateway.temporal.looks) == (1, 0)
    gateway.temporal.close(incident["id"])
    again = await gateway.post(webhook(alert(startsAt="2026-11-25T00:00:00Z")))
    assert again.json()["incidents"][0]["status"] == "opened"
    assert (len(gateway.temporal.requests), gateway.temporal.looks) == (2, 1)


async def test_another_alert_of_the_same_harm_joins_and_another_harm_opens(
    gateway: Gateway,
) -> None:
    first = (await gateway.post(webhook())).json()["incidents"][0]
    joined = (await gateway.post(webhook(alert(fingerprint="b" * 16)))).json()["incidents"][0]
    other = (await gateway.post(webhook(alert(labels={"model": "spam"})))).json()["incidents"][0]
    assert (joined["id"], joined["status"]) == (first["id"], "joined")
    assert other["id"] != first["id"]
    assert other["status"] == "opened"


async def test_the_same_delivery_twice_is_one(gateway: Gateway) -> None:
    await gateway.post(webhook())
    again = await gateway.post(webhook())
    assert again.json()["incidents"][0]["status"] == "duplicate"
    assert gateway.temporal.alerts == 1


async def test_one_post_of_many_alerts_goes_to_many_incidents(gateway: Gateway) -> None:
    alerts = [alert(labels={"model": f"m{n % 3}"}, fingerprint=f"{n:016x}") for n in range(9)]
    answer = await gateway.post(webhook(*alerts))
    assert sorted(i["alerts"] for i in answer.json()["incidents"]) == [3, 3, 3]
    assert gateway.temporal.alerts == 9


async def test_an_alert_that_no_route_knows_is_a_recorded_triage_incident(gateway: Gateway) -> None:
    answer = await gateway.post(webhook(alert(labels={"alertname": "../../<Unknown>"})))
    (incident,) = answer.json()["incidents"]
    assert (incident["playbook"], incident["service"]) == ("triage", "unrouted")
    assert incident["id"].startswith("triage-")
    assert "Unknown" not in answer.text


async def test_alerts_that_meet_travel_together_and_none_is_lost(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 100.0)
    # Every body is to be in the vault, however long a busy disk takes for 400 of them.
    monkeypatch.setattr(alerts, "_SEAL_WITHIN_SECONDS", 100.0)
    gateway.temporal.go.clear()
    posts = [
        asyncio.create_task(gateway.post(webhook(alert(fingerprint=f"{n:016x}"))))
        for n in range(400)
    ]
    async with asyncio.timeout(90):
        while sum(1 for _ in gateway.vault.ledger()) < len(posts):
            await asyncio.sleep(0.01)
    gateway.temporal.go.set()
    answers = [(await post).json()["incidents"][0]["status"] for post in posts]
    assert sorted(set(answers)) == ["joined", "opened"]
    assert answers.count("opened") == 1
    assert gateway.temporal.alerts == 400
    assert len(gateway.temporal.requests) <= 5


async def test_a_storm_of_one_delivery_is_one_alert(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(gateway.post(webhook()) for _ in range(50)))
    statuses = [answer.json()["incidents"][0]["status"] for answer in answers]
    assert sorted(set(statuses)) == ["duplicate", "opened"]
    assert gateway.temporal.alerts == 1


async def test_a_large_group_is_cut_into_parcels_under_keys_of_their_own(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = [alert(fingerprint=f"{n:016x}", annotations={}) for n in range(60)]
    body = webhook(*group)
    toml = TOML.replace("32KiB", "1MiB")
    gateway.app = gateway_app(Settings.parse(toml), gateway.temporal, gateway.vault)
    monkeypatch.setattr(intake, "MAX_BATCH_ALERTS", 25)
    answer = await gateway.post(body)
    assert answer.json()["incidents"][0] | {"id": ""} == {
        "id": "",
        "playbook": "feedback-poisoning",
        "service": "sentiment-api",
        "alerts": 60,
        "status": "opened",
    }
    key = gateway.temporal.requests[0]
    assert gateway.temporal.requests == [key, f"{key}/1", f"{key}/2"]
    assert gateway.temporal.alerts == 60


async def test_a_stale_repeat_of_a_closed_incident_starts_nothing_and_a_new_episode_does(
    gateway: Gateway, tmp_path: Path
) -> None:
    incident = (await gateway.post(webhook())).json()["incidents"][0]["id"]
    gateway.temporal.close(incident)
    repeat = await gateway.post(webhook(receiver="another"))
    assert repeat.status_code == 202
    assert repeat.json()["incidents"][0]["status"] == "already-closed"
    assert not gateway.temporal.running
    fresh = alert(startsAt="2026-11-25T00:00:00Z")
    reopened = (await gateway.post(webhook(fresh, alert()))).json()["incidents"][0]
    assert (reopened["id"], reopened["status"]) == (incident, "opened")
    assert gateway.temporal.alerts == 1


async def test_an_incident_that_closes_between_two_alerts_is_opened_again(gateway: Gateway) -> None:
    incident = (await gateway.post(webhook())).json()["incidents"][0]["id"]
    gateway.temporal.close(incident)
    next_one = alert(fingerprint="c" * 16)
    assert (await gateway.post(webhook(next_one))).json()["incidents"][0]["status"] == "opened"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer s3cret2", "Bearer \xff"],
)
async def test_a_wrong_token_is_401_before_the_body_is_looked_at(
    gateway: Gateway, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = await gateway.post(b"{", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "where", "next"}
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not gateway.temporal.running


async def test_both_tokens_of_a_rotation_are_live(gateway: Gateway) -> None:
    answer = await gateway.post(webhook(), headers={"Authorization": "bearer 0ld"})
    assert answer.status_code == 202
    ((batch,),) = gateway.temporal.running.values()
    assert batch.alerts[0].auth.key_id == "prometheus/2"


async def test_unknown_sources_paths_and_methods_are_json(gateway: Gateway) -> None:
    assert (await gateway.post(webhook(), source="nobody")).status_code == 404
    async with gateway.client() as client:
        for answer, status in (
            (await client.get("/nowhere"), 404),
            (await client.get("/alerts/prometheus"), 405),
        ):
            assert answer.status_code == status
            assert set(answer.json()) == {"error", "where", "next"}


async def test_a_body_over_the_cap_is_413_and_a_broken_one_400(gateway: Gateway) -> None:
    assert (await gateway.post(b" " * 33_000)).status_code == 413
    broken = await gateway.post(b'{"alerts": 1}')
    assert broken.status_code == 400
    assert broken.json()["error"] == "`alerts` is not a list"


async def test_a_group_without_alerts_is_taken_and_opens_nothing(gateway: Gateway) -> None:
    answer = await gateway.post(json.dumps({"alerts": []}).encode())
    assert (answer.status_code, answer.json()) == (202, {"incidents": []})


async def test_temporal_down_is_503_and_the_retry_is_taken(gateway: Gateway) -> None:
    gateway.temporal.broken = NotAccepted("Temporal does not answer", where="Temporal")
    refused = await gateway.post(webhook())
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    async with gateway.client() as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
    gateway.temporal.broken = None
    assert (await gateway.post(webhook())).json()["incidents"][0]["status"] == "opened"


async def test_a_silent_temporal_is_503_within_three_seconds(gateway: Gateway) -> None:
    gateway.temporal.go.clear()
    began = asyncio.get_running_loop().time()
    assert (await gateway.post(webhook())).status_code == 503
    assert asyncio.get_running_loop().time() - began < 3
    gateway.temporal.go.set()


async def test_a_bug_of_ours_is_503_and_logged(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.temporal.broken = ZeroDivisionError("ours")
    assert (await gateway.post(webhook())).status_code == 503
    assert "ZeroDivisionError" in caplog.text


async def test_a_vault_that_cannot_be_written_keeps_no_alert_from_its_incident(
    gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "vault").write_text("a file where a folder should be")
    body = webhook()
    assert (await gateway.post(body)).status_code == 202
    ((batch,),) = gateway.temporal.running.values()
    digest = batch.alerts[0].raw.digest
    (gap,) = declared(batch)
    assert gap.name == f"alert body {digest[7:23]}"
    assert digest in gap.reason


async def test_a_vault_that_hangs_delays_no_alert_for_long(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(gateway.vault, "put", hang)
    began = asyncio.get_running_loop().time()
    assert (await gateway.post(webhook())).status_code == 202
    assert asyncio.get_running_loop().time() - began < 3
    ((batch,),) = gateway.temporal.running.values()
    assert len(declared(batch)) == 1


def test_a_source_without_its_secret_or_of_no_known_kind_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEMOSTAT_TEST_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match="env:HEMOSTAT_TEST_TOKEN"):
        Gateway(tmp_path)
    with pytest.raises(ConfigurationError, match=r"hemostat.toml:6: there is no kind"):
        Gateway(tmp_path, TOML.replace('"alertmanager"', '"pigeon"'))


@trials(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(body=st.binary(max_size=200) | st.from_regex(rb'\{"alerts": ?\[.{0,80}\]\}'))
def test_no_body_makes_it_answer_500(gateway: Gateway, body: bytes) -> None:
    answer = asyncio.run(gateway.post(body))
    assert answer.status_code in (202, 400)
