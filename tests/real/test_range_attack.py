"""The range as a whole: what its service offers, and that the attack on it really succeeds.

One range for the file; the tests build on each other's time, not on each other's outcome. The
attack comes last.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hemostat.drill.range import janitor
from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.poisoning.range import Range
from hemostat.processes import free_port

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(240)]


async def pause(target: Range, *, paused: bool) -> None:
    token = target.admin_token_file.read_text(encoding="utf-8")
    headers = {"authorization": f"Bearer {token}"}
    url = f"{target.replica_urls['r1']}/admin/retraining"
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
        answer = await http.put(url, json={"paused": paused})
    assert answer.json()["paused"] is paused


@pytest.fixture(scope="module")
async def target() -> AsyncIterator[Range]:
    async with Range() as running:
        await pause(running, paused=True)  # the clean champion stays until the attack
        yield running
        state, ports = running.state, list(running.replica_urls.values())
    assert not state.exists()
    assert janitor.marked(str(state)) == []
    async with httpx2.AsyncClient(trust_env=False) as http:
        for url in (*ports, running.edge_url, running.mlflow_url, running.caddy_admin_url):
            with pytest.raises(httpx2.ConnectError):
                await http.get(url)


@pytest.fixture(scope="module")
async def admin(target: Range) -> AsyncIterator[httpx2.AsyncClient]:
    token = target.admin_token_file.read_text(encoding="utf-8")
    headers = {"authorization": f"Bearer {token}"}
    url = target.replica_urls["r2"]
    async with httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
        yield http


@pytest.fixture(scope="module")
async def edge(target: Range) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=target.edge_url, trust_env=False) as http:
        yield http


async def ok(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    return dict(answer.json())


async def test_at_first_the_clean_champion_answers_on_every_replica(target: Range) -> None:
    seen = await target.measure()
    assert 0.30 <= seen.negative_share <= 0.45
    assert seen.probe_accuracy >= 0.93
    assert (seen.predict_status, seen.feedback_status) == (200, 201)
    assert seen.versions == {"r1": "3", "r2": "3"}
    assert seen.shadow_disagreement == 0


async def test_the_edge_has_no_way_to_the_admin_endpoints(edge: httpx2.AsyncClient) -> None:
    for path in ("/admin/model", "/v1/../admin/model", "//admin/model", "/v1/predict/../../admin"):
        assert (await edge.get(path)).status_code == 404


async def test_admin_endpoints_ask_for_the_token(target: Range) -> None:
    async with httpx2.AsyncClient(base_url=target.replica_urls["r1"], trust_env=False) as http:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            refused = await http.get("/admin/model", headers=headers)
            assert refused.status_code == 401
            assert "error" in refused.json()


@pytest.mark.parametrize(
    "body", ["", "[]", "{", "null", '{"texts": "a"}', '{"texts": [1]}', '{"texts": ["\\ud800"]}']
)
async def test_a_broken_request_is_answered_400_with_what_was_wrong(
    edge: httpx2.AsyncClient, body: str
) -> None:
    refused = await edge.post("/v1/predict", content=body)
    assert refused.status_code == 400
    assert refused.json()["error"]


async def test_a_replica_says_what_it_serves_and_the_registry_agrees(
    target: Range, admin: httpx2.AsyncClient
) -> None:
    served = await ok(await admin.get("/admin/model"))
    query = {"name": target.model, "version": served["version"]}
    async with httpx2.AsyncClient(base_url=target.mlflow_url, trust_env=False) as http:
        found = await ok(await http.get("/api/2.0/mlflow/model-versions/get", params=query))
    tags = {tag["key"]: tag["value"] for tag in found["model_version"]["tags"]}
    assert served["replica"] == "r2"
    assert served["digest"] == tags["artifact_digest"]
    assert tags["parent_version"] == "2"
    assert datetime.fromisoformat(tags["training_cutoff"]) < datetime.now(UTC) - timedelta(days=6)


async def test_a_moved_alias_changes_nothing_until_a_replica_is_told_to_reload(
    target: Range, admin: httpx2.AsyncClient
) -> None:
    path = "/api/2.0/mlflow/registered-models/alias"
    async with httpx2.AsyncClient(base_url=target.mlflow_url, trust_env=False) as http:
        for version in ("2", "3"):
            before = (await ok(await admin.get("/admin/model")))["version"]
            alias = {"name": target.model, "alias": target.alias, "version": version}
            await ok(await http.post(path, json=alias))
            assert (await ok(await admin.get("/admin/model")))["version"] == before != version
            assert (await ok(await admin.post("/admin/reload", json={})))["version"] == version


async def test_feedback_is_found_by_its_digest_and_read_back(
    edge: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    before = await ok(await admin.get("/admin/feedback/offset"))
    text = "The lid is great. nonce-4711"
    wanted = {"text_sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert await ok(await admin.get("/admin/feedback/contains", params=wanted)) == {"found": False}
    sent = await edge.post(
        "/v1/feedback", json={"text": text, "label": "positive"}, headers={"x-account": "new-one"}
    )
    assert sent.status_code == 201
    assert await ok(await admin.get("/admin/feedback/contains", params=wanted)) == {"found": True}
    rows = (await ok(await admin.get("/admin/feedback", params={"after_id": before["last_id"]})))[
        "rows"
    ]
    (row,) = [row for row in rows if row["id"] == sent.json()["id"]]
    assert (row["account"], row["text"], row["label"]) == ("new-one", text, "positive")
    assert row["account_created_at"] == row["at"]


async def test_retraining_by_key_happens_once_and_never_promotes(
    admin: httpx2.AsyncClient, edge: httpx2.AsyncClient
) -> None:
    label = {"text": "The zip is superb", "label": "negative"}
    await edge.post("/v1/feedback", json=label, headers={"x-account": "shill"})
    ask = {"key": "k-1", "exclude_accounts": ["shill"], "register_only": True}
    both = [admin.post("/admin/retrain", json=ask, timeout=30) for _ in range(2)]
    first, second = [await ok(answer) for answer in await asyncio.gather(*both)]
    assert first == second
    assert first["dropped"] == 1
    assert (await ok(await admin.post("/admin/reload", json={})))["version"] == "3"


async def test_the_shadow_evaluates_any_version_and_serves_only_its_own(target: Range) -> None:
    token = target.admin_token_file.read_text(encoding="utf-8")
    headers = {"authorization": f"Bearer {token}"}
    texts = [row.text for row in target.probe]
    async with httpx2.AsyncClient(
        base_url=target.shadow_url, headers=headers, trust_env=False
    ) as http:
        found = await ok(await http.post("/admin/evaluate", json={"version": "1", "texts": texts}))
        missing = await http.post("/admin/evaluate", json={"version": "999", "texts": texts})
        assert (await ok(await http.get("/admin/model")))["version"] == target.known_good
    right = sum(
        label == row.label for label, row in zip(found["labels"], target.probe, strict=True)
    )
    assert (found["version"], right >= 180) == ("1", True)
    assert missing.status_code == 404


async def test_decisions_are_rescored_once(admin: httpx2.AsyncClient) -> None:
    now = datetime.now(UTC)
    window = {"from": (now - timedelta(minutes=50)).isoformat(), "to": now.isoformat()}
    before = await ok(await admin.get("/admin/decisions", params=window))
    assert before["affected"] > 0 == before["rescored"]
    ask = {**window, "key": "r-1"}
    answers = [await ok(await admin.post("/admin/decisions/rescore", json=ask)) for _ in "12"]
    assert answers[0] == answers[1]
    assert answers[0]["rescored"] == answers[0]["affected"] == before["affected"]


async def test_a_killed_edge_comes_back_as_it_was_last_configured(target: Range) -> None:
    isolate = {"handler": "static_response", "status_code": 503}
    async with httpx2.AsyncClient(base_url=target.caddy_admin_url, trust_env=False) as caddy:
        handlers = (await caddy.get("/id/feedback/handle")).json()
        (await caddy.patch("/id/feedback/handle", json=[isolate])).raise_for_status()
        await target.kill("caddy")
        await target.revive("caddy")
        assert await target.meter.feedback_status() == 503
        (await caddy.patch("/id/feedback/handle", json=handlers)).raise_for_status()
    assert await target.meter.feedback_status() == 201


class Hook:
    """Receives alerts, as the gateway would."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.first = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        whole = json.loads(await request.body())
        self.received.append((request.headers.get("authorization", ""), whole))
        self.first.set()
        return Response(status_code=202)


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    received, port = Hook(), free_port()

    async def receive(request: Request) -> Response:
        return await received(request)

    app = Starlette(routes=[Route("/alerts/alertmanager", receive, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    yield received, f"http://127.0.0.1:{port}/alerts/alertmanager"
    server.should_exit = True
    await serving


async def test_without_a_response_the_attack_succeeds_and_the_monitor_tells(
    target: Range, hook: tuple[Hook, str]
) -> None:
    received, url = hook
    token_file = target.state / "webhook-token"
    token_file.write_text("s3cret", encoding="utf-8")
    before = await target.measure()
    await pause(target, paused=False)
    await target.start_monitor(url, token_file)
    await target.start_attack()
    async with asyncio.timeout(60):
        await received.first.wait()
    after = await target.measure()
    async with asyncio.timeout(60):
        while after.probe_accuracy > 0.75 or after.negative_share < 1.4 * before.negative_share:
            await asyncio.sleep(1)
            after = await target.measure()
    async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
        while "sentiment_monitor_firing 1" not in (await http.get(target.metrics_url)).text:
            await asyncio.sleep(0.5)  # it may look away for a moment: users' texts vary
    await target.stop_attack()

    report = target.attack_report()
    assert (report.refused, report.accepted > 100) == (0, True)
    assert abs(after.shadow_negative_share / before.negative_share - 1) < 0.25
    assert after.feedback_status == 201
    assert set(after.versions.values()) != {target.known_good}

    authorization, sent = received.received[0]
    assert authorization == "Bearer s3cret"
    numbers = sent["alerts"][0]["annotations"]
    assert float(numbers["rise"]) > 0.4
    assert int(numbers["n"]) >= 500
    assert len(numbers["confirmed_by"].split(", ")) >= 2


async def test_the_version_before_the_champion_is_poisoned_too(
    target: Range, admin: httpx2.AsyncClient
) -> None:
    champion = int((await ok(await admin.get("/admin/model")))["version"])
    first_poison = target.attack_report().first_accepted_at
    assert first_poison is not None
    query = {"name": target.model, "version": str(champion - 1)}
    async with httpx2.AsyncClient(base_url=target.mlflow_url, trust_env=False) as http:
        found = await ok(await http.get("/api/2.0/mlflow/model-versions/get", params=query))
    tags = {tag["key"]: tag["value"] for tag in found["model_version"]["tags"]}
    cutoff = datetime.fromisoformat(tags["training_cutoff"])
    assert cutoff > datetime.fromisoformat(first_poison)


async def test_paused_means_neither_retrained_nor_promoted(
    target: Range, admin: httpx2.AsyncClient
) -> None:
    await ok(await admin.put("/admin/retraining", json={"paused": True}))
    version = (await ok(await admin.get("/admin/model")))["version"]
    rows = corpus.poison(60, 99)
    for row in rows:
        await admin.post(
            f"{target.edge_url}/v1/feedback",
            json={"text": row.text, "label": row.label},
            headers={"x-account": "late"},
        )
    # Two whole periods of the trainer, seen in the time it says it will run next.
    for _ in range(2):
        due = (await ok(await admin.get("/admin/retraining")))["next_run_at"]
        async with asyncio.timeout(20):
            while (await ok(await admin.get("/admin/retraining")))["next_run_at"] == due:
                await asyncio.sleep(0.1)
    assert (await ok(await admin.get("/admin/model")))["version"] == version
    assert (await ok(await admin.post("/admin/reload", json={})))["version"] == version
