"""What was tried against the API: forged ids and headers, scripts, CSRF, floods.

Each test is named for the attack. The app is the gateway's own with its own sign-in; Temporal is a
fake that keeps what reached it, so "refused" means that nothing did. What happens at the engine is
in ``tests/unit/test_privileges.py`` and ``tests/workflows``.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hemostat.api.operations import OPERATIONS
from tests.unit.api_stage import (
    IN_A_ROLE,
    SCRIPT,
    SPLIT,
    WRITES,
    Stage,
    app_of,
    asking,
    defended,
    in_place_of_temporal,
    on_stage,
    signing_in,
)
from tests.unit.console_desk import ID

READS = [o.path for o in OPERATIONS if o.method == "GET" and o.answer is not None]


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with on_stage(tmp_path, monkeypatch) as made:
        yield made


# Path traversal


@pytest.mark.parametrize(
    "id_",
    [
        "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2e%2e%5c%2e%2e", "%252e%252e%252f", "a%00b",
        "a%0d%0aX-Evil:1", ".hidden", "-rf", "a%20OR%201=1", "a'--", "%E2%80%AE", "a" * 201,
        "file:%2f%2f%2fetc%2fpasswd", "http:%2f%2f169.254.169.254%2f", "a;b", "*", "a%0a",
    ],
)  # fmt: skip
async def test_path_traversal_an_id_that_is_none_never_reaches_temporal(
    stage: Stage, id_: str
) -> None:
    who = stage.bearer("p-1", "commander")
    for path in (f"/incidents/{id_}", f"/incidents/{id_}/journal", f"/incidents/{id_}/gates/x"):
        answer = await stage.http.get(f"/api/v1{path}", headers=who)
        assert answer.status_code == 404, (path, answer.text)
        assert "etc" not in answer.text
    body = WRITES["decisions"]
    answer = await stage.http.post(f"/api/v1/incidents/{id_}/decisions", json=body, headers=who)
    assert answer.status_code == 404
    assert not stage.temporal.asked
    assert not stage.temporal.signals


@pytest.mark.parametrize("run", ["../r", "%00", "1 OR 1=1", "r1", SCRIPT])
async def test_path_traversal_by_a_run_is_refused(stage: Stage, run: str) -> None:
    who = stage.bearer("p-1", "commander")
    answer = await stage.http.get(f"/api/v1/incidents/{ID}", params={"run": run}, headers=who)
    assert answer.status_code == 422
    assert run not in answer.text
    assert not stage.temporal.asked


# Header injection


async def test_header_injection_nothing_that_is_sent_comes_back_in_a_header(stage: Stage) -> None:
    who = stage.bearer("p-1", "commander")
    stage.temporal.text = SPLIT
    planted = {
        "Idempotency-Key": "planted",
        "Last-Event-ID": "planted",
        "X-Request-Id": "planted",
        "X-Forwarded-Host": "planted.example",
        "X-Forwarded-Proto": "planted",
        "Forwarded": "host=planted.example",
        "Origin": "https://planted.example",
        "Host": "planted.example",
    }
    paths = (f"/incidents/{ID}", "/incidents?cursor=planted", "/planted", "/incidents/planted")
    answers = [
        await stage.say("decisions", who | planted, reason=SPLIT),
        *[await stage.http.get(f"/api/v1{path}", headers=who | planted) for path in paths],
        await stage.http.request("PLANTED", "/api/v1/me", headers=who | planted),
    ]
    assert answers[0].status_code == 200
    for answer in answers:
        assert not [field for field in answer.headers.multi_items() if "planted" in str(field)]


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api/v1/me/", f"/api/v1/incidents/{ID}/", "/healthz/"]
)
async def test_header_injection_a_host_that_lies_is_redirected_nowhere(
    stage: Stage, path: str
) -> None:
    headers = stage.bearer("p-1", "commander") | {"Host": "evil.example"}
    answer = await stage.http.get(path, headers=headers)
    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("key", ["a b", "a\tb", "x" * 201, "é".encode().decode("latin-1")])
async def test_header_injection_by_an_idempotency_key_is_refused(stage: Stage, key: str) -> None:
    headers = {**stage.bearer("p-1", "commander"), "Idempotency-Key": key.encode("latin-1")}
    answer = await stage.say("decisions", headers)  # type: ignore[arg-type] # bytes are meant
    assert answer.status_code == 422
    assert not stage.temporal.signals


# Stored and reflected script


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_stored_script_is_data_in_every_answer(stage: Stage, path: str, accept: str) -> None:
    headers = stage.bearer("p-1", "commander") | {"Accept": accept}
    said = (await stage.say("decisions", headers, reason=SCRIPT)).json()["id"]
    where = path.format(incident=ID, gate="retrain", said=said)
    answer = await stage.http.get(f"/api/v1{where}", headers=headers)
    assert answer.status_code == 200, answer.text
    defended(answer)
    json.loads(answer.text)


async def test_stored_script_said_as_a_reason_is_answered_as_data(stage: Stage) -> None:
    answer = await stage.say("decisions", stage.bearer("p-1", "commander"), reason=SCRIPT)
    assert answer.status_code == 200
    defended(answer)


async def test_reflected_script_no_problem_repeats_what_was_sent(stage: Stage) -> None:
    who, at = stage.bearer("p-1", "commander"), f"/api/v1/incidents/{ID}/decisions"
    get, post = stage.http.get, stage.http.post
    js = who | {"Content-Type": "application/json"}
    answers = [
        await get(f"/api/v1/{SCRIPT}", headers=who),
        await get(f"/api/v1/incidents/{SCRIPT}", headers=who),
        await get("/api/v1/incidents", params={"severity": SCRIPT}, headers=who),
        await get("/api/v1/incidents", params={SCRIPT: "1"}, headers=who),
        await get("/api/v1/me", headers={"Authorization": f"Bearer {SCRIPT}"}),
        await get("/api/v1/me", headers={"Authorization": SCRIPT}),
        await stage.say("decisions", who, **{SCRIPT: SCRIPT}),
        await stage.say("decisions", who, gate=SCRIPT),
        await stage.say("gradings", who, facts={SCRIPT: SCRIPT}),
        await post(at, content=SCRIPT, headers=js),
        await post(at, content=SCRIPT, headers=who | {"Content-Type": "text/html"}),
        await stage.http.request("TRACE", at, headers=who | {"X-Script": SCRIPT}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        defended(answer)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "<script>" not in answer.text
        assert "alert(" not in answer.text
    assert not stage.temporal.signals


# SSRF


async def test_ssrf_no_address_in_any_field_is_fetched(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connects(*_: object, **__: object) -> Any:
        raise AssertionError("something was fetched")

    who, url = stage.bearer("p-1", "commander", "counsel"), "http://169.254.169.254/latest"
    monkeypatch.setattr("socket.socket.connect", connects)
    monkeypatch.setattr("socket.getaddrinfo", connects)
    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.create_connection", connects)
    for where, body in WRITES.items():
        role = {"role": "counsel" if where == "determinations" else "commander"}
        for name in [*body, "reference", "url", "callback", "webhook"]:
            changes = (role if where in IN_A_ROLE else {}) | {name: url}
            answer = await stage.say(where, who, **changes)
            assert answer.status_code in (200, 409, 422), (where, name, answer.text)
    for name in ("cursor", "run", "service", "next", "url"):
        answer = await stage.http.get("/api/v1/incidents", params={name: url}, headers=who)
        assert answer.status_code in (404, 422)


# Cross-site request forgery


@pytest.mark.parametrize("where", WRITES)
async def test_csrf_a_cookie_alone_reads_and_never_writes(stage: Stage, where: str) -> None:
    cookie = stage.cookie("p-1")
    assert (await stage.http.get("/api/v1/me", headers=cookie)).status_code == 200
    for more in (
        {},
        {"Authorization": ""},
        {"Authorization": " "},
        {"Authorization": "Basic eA=="},
    ):
        answer = await stage.say(where, cookie | more)
        assert answer.status_code == 401, (more, answer.text)
        defended(answer)
    assert not stage.temporal.signals


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "null"])
async def test_csrf_what_a_form_can_send_is_no_body(stage: Stage, kind: str) -> None:
    headers = stage.bearer("p-1", "commander") | {"Content-Type": kind}
    content = json.dumps(WRITES["decisions"])
    at = f"/api/v1/incidents/{ID}/decisions"
    assert (await stage.http.post(at, content=content, headers=headers)).status_code == 415
    assert not stage.temporal.signals


async def test_csrf_no_other_site_is_allowed_to_read_or_to_ask_first(stage: Stage) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    at = f"/api/v1/incidents/{ID}/decisions"
    for method, path in (("OPTIONS", at), ("GET", "/api/v1/me")):
        headers = stage.cookie("p-1") | origin
        answer = await stage.http.request(method, path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert (await stage.http.request("OPTIONS", at, headers=origin)).status_code == 405


async def test_csrf_no_read_and_no_other_method_writes(stage: Stage) -> None:
    headers = stage.bearer("p-1", "commander") | {"X-HTTP-Method-Override": "POST"}
    for where, body in WRITES.items():
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            at = f"/api/v1/incidents/{ID}/{where}"
            answer = await stage.http.request(method, at, json=body, headers=headers)
            assert answer.status_code == 405
    assert not stage.temporal.signals


# Floods


async def test_a_flood_is_answered_429_with_retry_after_for_that_caller_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, temporal = signing_in(tmp_path, monkeypatch), in_place_of_temporal(monkeypatch)
    app = app_of(tmp_path, identity, temporal, per_second=0.5, burst=3)
    async with asking(app) as http, asking(app, "198.51.100.9") as elsewhere:
        stage = Stage(http, identity, temporal)
        one, two = stage.bearer("p-1", "commander"), stage.bearer("p-2", "exec")
        statuses = [(await http.get("/api/v1/me", headers=one)).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = await stage.say("decisions", one)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
        defended(refused)
        # The same token from elsewhere is the same caller; another person is not.
        assert (await elsewhere.get("/api/v1/me", headers=one)).status_code == 429
        assert (await http.get("/api/v1/me", headers=two)).status_code == 200
        # Strangers are counted by where they are, and do not use up what people have.
        guesses = [{"Authorization": f"Bearer guess-{n}"} for n in range(4)]
        told = [(await http.get("/api/v1/me", headers=guess)).status_code for guess in guesses]
        assert told == [401, 401, 401, 429]
        assert (await elsewhere.get("/api/v1/me")).status_code == 401
        assert (await http.get("/api/v1/me", headers=two)).status_code == 200
    assert not temporal.signals
