"""The pager against a strict PagerDuty: one page for one key, whatever goes wrong on the way."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from activities import paging_pagerduty
from activities.paging_pagerduty import Connection, PagerDuty
from hemostat.drill.range.standins.pagerduty import refusals
from hemostat.drill.range.standins.standin import Control, Lie
from hemostat.vault import Vault
from schemas.errors import SystemRefused, SystemUnreachable
from schemas.incident import Severity
from schemas.ports.paging import Page, PageKey

pytestmark = pytest.mark.real

ROUTING_KEY = "r" * 32
OTHER_KEY = "R0" * 16
TRIGGER: dict[str, Any] = {
    "routing_key": ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "an-incident",
    "payload": {"summary": "poison", "source": "here", "severity": "critical"},
}


def a_page(key: str = "feedback-poisoning-0123", **changes: Any) -> Page:
    fields: dict[str, Any] = {
        "incident": "feedback-poisoning-0123",
        "dedup_key": key,
        "role": "commander",
        "summary": "sentiment: feedback isolated, rollback proven",
        "severity": Severity.SEV2,
    }
    return Page(**fields | changes)


@pytest.fixture
async def pager(
    pagerduty: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PagerDuty]:
    monkeypatch.setenv("THE_ROUTING_KEY", ROUTING_KEY)
    monkeypatch.setenv("LEGAL_ROUTING_KEY", OTHER_KEY)
    connection = Connection(
        adapter="paging_pagerduty",
        routing_key="env:THE_ROUTING_KEY",
        routing_keys={"legal": "env:LEGAL_ROUTING_KEY"},
        url=pagerduty.url,
        ca=f"file:{pagerduty.ca}",
    )
    adapter = PagerDuty(connection, Vault(tmp_path / "vault"))
    yield adapter
    await adapter.aclose()


async def test_a_page_said_three_times_is_one_alert_and_one_notification(
    pager: PagerDuty, pagerduty: Control
) -> None:
    for _ in range(3):
        assert (await pager.page(a_page())).status == "triggered"
    state = await pagerduty.state()
    assert state["alerts_opened"] == len(state["notifications"]) == 1
    assert len(state["requests"]) == 3
    assert state["alerts"][0]["severity"] == "error"


async def test_what_is_over_is_acknowledged_and_resolved_and_pages_anew_afterwards(
    pager: PagerDuty, pagerduty: Control
) -> None:
    key = PageKey(dedup_key="feedback-poisoning-0123")
    await pager.page(a_page())
    await pager.acknowledge_page(key)
    assert (await pagerduty.state())["alerts"][0]["status"] == "acknowledged"
    assert (await pager.resolve_page(key)).status == "resolved"
    assert (await pagerduty.state())["alerts"][0]["status"] == "resolved"
    await pager.page(a_page())
    assert (await pagerduty.state())["alerts_opened"] == 2


async def test_a_drill_says_so_first_and_severities_are_pagerdutys(
    pager: PagerDuty, pagerduty: Control
) -> None:
    for severity in Severity:
        await pager.page(a_page(key=severity, severity=severity, drill=True))
    alerts = (await pagerduty.state())["alerts"]
    assert [alert["severity"] for alert in alerts] == ["critical", "error", "warning", "info"]
    assert all(alert["summary"].startswith("EXERCISE: ") for alert in alerts)


async def test_a_role_with_its_own_routing_key_is_paged_there_and_resolved_there(
    pager: PagerDuty, pagerduty: Control
) -> None:
    await pager.page(a_page(key="a"))
    await pager.page(a_page(key="b", role="legal"))
    commander, legal = (await pagerduty.state())["alerts"]
    assert commander["integration"] != legal["integration"]
    await pager.resolve_page(PageKey(dedup_key="b"))
    assert (await pagerduty.state())["alerts"][1]["status"] == "resolved"


async def test_text_of_any_length_still_pages(pager: PagerDuty, pagerduty: Control) -> None:
    details = {f"detail {n}": "ü" * 50_000 for n in range(200)}
    await pager.page(a_page(summary="line\n" * 1000, details=details))
    (alert,) = (await pagerduty.state())["alerts"]
    assert len(alert["summary"]) == 1024
    assert "\n" not in alert["summary"]
    assert alert["custom_details"]["incident"] == "feedback-poisoning-0123"


async def test_a_time_out_after_acting_and_a_retry_are_one_alert(
    pager: PagerDuty, pagerduty: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging_pagerduty._Client, "timeout", httpx2.Timeout(0.5))
    await pagerduty.lie(Lie.HANG)
    with pytest.raises(SystemUnreachable):
        await pager.page(a_page())
    await pager.page(a_page())
    state = await pagerduty.state()
    assert state["alerts_opened"] == len(state["notifications"]) == 1


@pytest.mark.parametrize("lie", [Lie.ERROR, Lie.THROTTLE])
async def test_a_failure_is_told_at_once_and_not_repeated_by_the_client(
    pager: PagerDuty, pagerduty: Control, lie: Lie
) -> None:
    await pagerduty.lie(lie)
    async with asyncio.timeout(5):
        with pytest.raises(SystemUnreachable, match=r"answered (500|429)"):
            await pager.page(a_page())
    assert [request["lie"] for request in (await pagerduty.state())["requests"]] == [lie]


async def test_a_pagerduty_that_is_gone_is_unreachable_at_once(
    pager: PagerDuty, pagerduty: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Connection(
        adapter="paging_pagerduty",
        routing_key="env:THE_ROUTING_KEY",
        url="https://127.0.0.1:1",
        ca=f"file:{pagerduty.ca}",
    )
    adapter = PagerDuty(gone, pager_vault())
    async with asyncio.timeout(5):
        with pytest.raises(SystemUnreachable):
            await adapter.page(a_page())
        assert await adapter.check()
    await adapter.aclose()


async def test_the_rate_limit_is_a_failure_to_try_again_later(
    pager: PagerDuty, pagerduty: Control
) -> None:
    for _ in range(120):
        await pager.page(a_page())
    with pytest.raises(SystemUnreachable, match="429"):
        await pager.page(a_page())
    assert (await pagerduty.state())["alerts_opened"] == 1


async def test_a_wrong_routing_key_is_refused_for_good_and_appears_nowhere(
    pager: PagerDuty,
    pagerduty: Control,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("THE_ROUTING_KEY", "not-thirty-two-characters")
    with pytest.raises(SystemRefused) as raised:
        await pager.page(a_page())
    assert any("32 characters" in problem for problem in await pager.check())
    monkeypatch.setenv("THE_ROUTING_KEY", ROUTING_KEY)
    await pagerduty.lie(Lie.ERROR)
    with pytest.raises(SystemUnreachable):
        await pager.page(a_page())
    said = caplog.text + repr(raised.value) + str(raised.value)
    said += str(await pagerduty.state())
    assert "not-thirty-two" not in said
    assert ROUTING_KEY not in said
    assert ROUTING_KEY[-4:] not in said.split("'")


async def test_a_reachable_pagerduty_with_good_keys_has_no_problems(pager: PagerDuty) -> None:
    assert await pager.check() == []


async def test_a_stranger_with_another_authority_is_not_spoken_to(
    pager: PagerDuty, pagerduty: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Connection(
        adapter="paging_pagerduty", routing_key="env:THE_ROUTING_KEY", url=pagerduty.url
    )
    adapter = PagerDuty(stranger, pager_vault())
    with pytest.raises(SystemUnreachable):
        await adapter.page(a_page())
    assert (await pagerduty.state())["requests"] == []
    await adapter.aclose()


@pytest.mark.parametrize(
    "change",
    [
        {"routing_key": "short"},
        {"routing_key": None},
        {"event_action": "explode"},
        {"dedup_key": "k" * 256},
        {"payload": None},
        {"payload": {**TRIGGER["payload"], "summary": "s" * 1025}},
        {"payload": {**TRIGGER["payload"], "summary": " "}},
        {"payload": {**TRIGGER["payload"], "source": None}},
        {"payload": {**TRIGGER["payload"], "severity": "fatal"}},
        {"payload": {**TRIGGER["payload"], "custom_details": "text"}},
        {"payload": {**TRIGGER["payload"], "timestamp": "yesterday"}},
        {"payload": {**TRIGGER["payload"], "sumary": "typo"}},
        {"event_action": "resolve", "dedup_key": None},
        {"images": [{"src": "http://plain"}]},
        {"links": [{"text": "no href"}]},
        {"surprise": 1},
    ],
)
def test_the_stand_in_refuses_what_the_contract_refuses(change: dict[str, Any]) -> None:
    assert refusals(TRIGGER) == []
    assert refusals(TRIGGER | change)


async def test_the_stand_in_refuses_half_a_megabyte_and_drops_what_is_not_open(
    pagerduty: Control,
) -> None:
    trust = ssl.create_default_context(cafile=pagerduty.ca)
    async with httpx2.AsyncClient(base_url=pagerduty.url, verify=trust, trust_env=False) as http:
        payload = {**TRIGGER["payload"], "custom_details": {"much": "x" * 600_000}}
        answer = await http.post("/v2/enqueue", json=TRIGGER | {"payload": payload})
        assert answer.status_code == 400
        answer = await http.post("/v2/enqueue", json=TRIGGER | {"event_action": "resolve"})
        assert answer.status_code == 202
        assert (await http.post("/v2/enqueue", content=b"{")).status_code == 400
    state = await pagerduty.state()
    assert state["alerts_opened"] == 0
    assert len(state["dropped"]) == 1


def pager_vault() -> Vault:
    return Vault(Path("unused"))
