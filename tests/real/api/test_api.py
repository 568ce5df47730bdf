"""The API as programs use it: over real HTTP, a real Temporal and a real worker."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.real.api.conftest import Stage

pytestmark = [pytest.mark.real, pytest.mark.temporal]

CHOOSE = "confirm-known-good"


async def opened(stage: Stage) -> str:
    incident = await stage.served.alert()
    await stage.served.gate_opens(incident, CHOOSE)
    return incident


async def decision(stage: Stage, person: str, incident: str) -> dict[str, Any]:
    """What this person would send to approve what they are shown."""
    answer = await stage.get(person, f"/incidents/{incident}/gates/{CHOOSE}")
    assert answer.status_code == 200, answer.text
    gate = answer.json()["gate"]
    return {
        "gate": CHOOSE,
        "choice": "approve",
        "nonce": gate["nonce"],
        "digest": gate["digest"],
        "reason": "the probes say so",
    }


async def test_everything_there_is_to_read_is_read(stage: Stage) -> None:
    incident = await opened(stage)
    for path in ("", "/steps", "/gates", "/journal", "/clocks"):
        answer = await stage.get("o1", f"/incidents/{incident}{path}")
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
    for path in ("/me", "/inbox", "/playbooks", "/readiness", "/incidents", "/openapi.json"):
        assert (await stage.get("o1", path)).status_code == 200, path
    assert (await stage.get("o1", "/me")).json()["roles"] == ["ml-on-call"]
    part = (await stage.get("o1", f"/incidents/{incident}/journal", limit=3)).json()
    assert [entry["seq"] for entry in part["entries"]] == [0, 1, 2]
    assert part["next"] == 3


async def test_a_decision_counts_once_under_its_key_however_often_it_is_sent(stage: Stage) -> None:
    incident = await opened(stage)
    body = await decision(stage, "o1", incident)
    path, key = f"/incidents/{incident}/decisions", {"Idempotency-Key": "one"}
    answers = await asyncio.gather(*(stage.post("o1", path, body, **key) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert sorted(answer.json()["repeated"] for answer in answers) == [False] + [True] * 4
    journal = (await stage.get("o1", f"/incidents/{incident}/journal")).json()["entries"]
    decided = [entry for entry in journal if entry["kind"] == "decision"]
    assert len(decided) == 1
    other = await stage.post("o1", path, body | {"reason": "another"}, **key)
    assert other.status_code == 409
    late = await stage.post("o1", path, body)
    assert late.status_code == 409
    assert late.json()["answer"]["taken"] == "already-decided"


async def test_who_may_not_is_told_so_and_auditors_only_read(stage: Stage) -> None:
    incident = await opened(stage)
    body = await decision(stage, "d1", incident)
    path = f"/incidents/{incident}/decisions"
    answer = await stage.post("d1", path, body)
    assert (answer.status_code, answer.json()["answer"]["taken"]) == (403, "not-yours")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await stage.get("auditor-1", f"/incidents/{incident}")).status_code == 200
    for where, said in (
        ("decisions", body),
        ("withdrawals", {"gate": CHOOSE, "reason": "r"}),
        ("break-glass", {"gate": CHOOSE, "nonce": body["nonce"], "reason": "r"}),
        ("attestations", {"step": "s", "reason": "r"}),
        ("gradings", {"severity": "SEV-1", "reason": "r"}),
        ("suspicions", {"person": "o1", "reason": "r"}),
        (
            "determinations",
            {"clock": "gdpr-33", "what": "applicability", "value": "applies", "reason": "r"},
        ),
    ):
        answer = await stage.post("auditor-1", f"/incidents/{incident}/{where}", said)
        assert answer.status_code == 403, (where, answer.text)
    assert (await stage.get(None, "/incidents")).status_code == 401
    assert (await stage.post(None, path, body)).status_code == 401


async def test_the_list_goes_on_by_cursor(stage: Stage) -> None:
    ours = {await stage.served.alert() for _ in range(5)}
    async with asyncio.timeout(20):
        while True:
            walked: list[str] = []
            cursor: str | None = None
            while True:
                query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
                page = (await stage.get("c1", "/incidents", **query)).json()
                walked += [row["id"] for row in page["incidents"]]
                if (cursor := page["next"]) is None:
                    break
            assert len(walked) == len(set(walked))
            if ours <= set(walked):
                break
    assert (await stage.get("c1", "/incidents", cursor="AAAA")).status_code == 404
    assert (await stage.get("c1", "/incidents", severity="' OR 1=1")).status_code == 422


async def events(response: httpx2.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def test_a_change_shows_within_a_second_and_many_watchers_cost_one_poll(
    stage: Stage,
) -> None:
    incident = await opened(stage)
    body = await decision(stage, "o1", incident)
    sent = asyncio.get_running_loop().create_future()

    async def watch() -> float:
        async with (
            stage.as_("c1") as http,
            http.stream("GET", f"/incidents/{incident}/events") as stream,
        ):
            async for name, data in events(stream):
                if name == "incident" and not ready.is_set():
                    waiting.pop()
                    if not waiting:
                        ready.set()
                if name == "journal" and data["data"].get("choice") == "approve":
                    return time.monotonic()
        raise AssertionError("the stream ended")

    ready, waiting = asyncio.Event(), [0] * 20
    async with asyncio.timeout(30):
        watchers = [asyncio.create_task(watch()) for _ in range(20)]
        await ready.wait()
        answer = await stage.post("o1", f"/incidents/{incident}/decisions", body)
        sent.set_result(time.monotonic())
        assert answer.status_code == 200
        seen = await asyncio.gather(*watchers)
    assert max(seen) - sent.result() < 1.0


async def test_a_watcher_that_was_away_misses_no_entry(stage: Stage) -> None:
    incident = await opened(stage)
    numbers: list[int] = []
    async with (
        asyncio.timeout(30),
        stage.as_("c1", **{"Last-Event-ID": "2"}) as http,
        http.stream("GET", f"/incidents/{incident}/events") as stream,
    ):
        async for name, data in events(stream):
            if name == "journal":
                numbers.append(data["seq"])
            elif numbers:
                break
    assert numbers == list(range(3, numbers[-1] + 1))


async def test_the_list_is_live(stage: Stage) -> None:
    async with (
        asyncio.timeout(30),
        stage.as_("c1") as http,
        http.stream("GET", "/events") as stream,
    ):
        new: str | None = None
        following = events(stream)
        coming = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        new = await stage.served.alert()
        while True:
            name, data = await coming
            if name == "row" and data["id"] == new:
                break
            coming = asyncio.ensure_future(anext(following))


async def test_a_suspect_is_answered_as_if_it_never_was_also_while_watching(stage: Stage) -> None:
    incident = await opened(stage)
    unknown = await stage.get("o1", "/incidents/no-such-incident")
    async with (
        asyncio.timeout(30),
        stage.as_("o1") as http,
        http.stream("GET", f"/incidents/{incident}/events") as stream,
    ):
        following = events(stream)
        await anext(following)
        said = {"person": "o1", "role": "ciso", "reason": "the trail leads to them"}
        answer = await stage.post("z1", f"/incidents/{incident}/suspicions", said)
        assert answer.status_code == 200, answer.text
        told = [data async for name, data in following]
        assert "excluded" not in json.dumps(told)
    for path in ("", "/steps", "/gates", f"/gates/{CHOOSE}", "/journal", "/clocks", "/events"):
        hidden = await stage.get("o1", f"/incidents/{incident}{path}")
        assert (hidden.status_code, hidden.json()) == (404, unknown.json()), path
    for where in ("decisions", "withdrawals", "gradings"):
        hidden = await stage.post("o1", f"/incidents/{incident}/{where}", {"gate": CHOOSE})
        nothing = await stage.post("o1", f"/incidents/no-such/{where}", {"gate": CHOOSE})
        assert (hidden.status_code, hidden.json()) == (nothing.status_code, nothing.json())
