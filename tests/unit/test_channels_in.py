"""What pagers and chats post: signed, taken once, never an incident of its own, never authority."""

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import NotAccepted
from hemostat.keys import SigningKey
from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from hemostat.vault import Vault
from schemas.page_answer import Answered, PageAnswer
from tests.nasty import NASTY
from tests.unit.test_gateway import Temporal

TOML = """
[gateway]
slack_signing_secret = "env:SLACK_SECRET"

[sources.pager]
kind = "pagerduty"
secret = ["env:PAGER_SECRET", "env:PAGER_OLD_SECRET"]

[[routes]]
source = "pager"
match = { service = "checkout" }
playbook = "triage"
service = "unrouted"

[services.unrouted]
playbooks = ["triage"]

[people.ic-1]
slack = "U0ONE"
pagerduty = "PONE"
"""
INCIDENT = "feedback-poisoning-0123456789ab"


class Told(Temporal):
    """Remembers what it was told of pages."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[str, PageAnswer]] = []

    async def answer_running(
        self, incident: str, answer: PageAnswer, key: SigningKey | None = None
    ) -> bool:
        await self._works()
        self.answers.append((incident, answer))
        return True


class Gateway:
    """The app and its Temporal."""

    def __init__(self, folder: Path) -> None:
        self.temporal = Told()
        settings = Settings.parse(TOML)
        self.app = gateway_app(settings, self.temporal, Vault(folder / "vault"))

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.post(path, content=body, headers=headers)

    async def event(self, event: Any, *secrets: str, key: str = "s3cret") -> httpx2.Response:
        body = json.dumps({"event": event}).encode()
        signed = ",".join(v1(secret, body) for secret in (secrets or (key,)))
        return await self.post("/pagerduty/webhooks/pager", body, {"X-PagerDuty-Signature": signed})

    async def press(
        self, *actions: dict[str, Any], user: str = "U0ONE", at: float = 0, signing: str = "slack"
    ) -> httpx2.Response:
        payload = {
            "type": "block_actions",
            "user": {"id": user},
            "container": {"message_ts": "1795395291.000001"},
            "actions": [{"action_ts": str(time.time()), **action} for action in actions],
        }
        body = urlencode({"payload": json.dumps(payload)}).encode()
        moment = str(int(time.time() + at))
        signed = hmac.new(signing.encode(), f"v0:{moment}:".encode() + body, hashlib.sha256)
        headers = {
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return await self.post("/slack/interactions", body, headers)


def v1(secret: str, body: bytes) -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def an_event(kind: str = "incident.acknowledged", **data: Any) -> dict[str, Any]:
    """An event as PagerDuty's documentation shows it."""
    return {
        "id": f"01{hashlib.sha256(json.dumps([kind, data]).encode()).hexdigest()[:24].upper()}",
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": "2026-11-22T09:00:00.000Z",
        "agent": {"id": "PONE", "type": "user_reference", "summary": "One"},
        "client": None,
        "data": {
            "id": "Q1",
            "type": "incident",
            "status": "acknowledged",
            "incident_key": INCIDENT,
            "title": "A model may be poisoned",
            "service": {"id": "PS", "summary": "checkout"},
            "urgency": "high",
            **data,
        },
    }


def acknowledge(value: str = f"{INCIDENT}/acknowledge") -> dict[str, Any]:
    return {"action_id": "hemostat_acknowledge", "type": "button", "value": value}


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setenv("PAGER_SECRET", "s3cret")
    monkeypatch.setenv("PAGER_OLD_SECRET", "0ld")
    monkeypatch.setenv("SLACK_SECRET", "slack")
    return Gateway(tmp_path)


async def test_an_acknowledgement_of_our_page_is_told_to_the_incident_and_opens_none(
    gateway: Gateway,
) -> None:
    page = f"{INCIDENT}/rescore-decisions-1795395291-ml-lead"
    assert (await gateway.event(an_event(incident_key=page))).json() == {"status": "told"}
    ((incident, answer),) = gateway.temporal.answers
    assert incident == INCIDENT
    assert (answer.what, answer.page, answer.by, answer.person) == (
        Answered.ACKNOWLEDGED,
        page,
        "PONE",
        "ic-1",
    )
    assert not gateway.temporal.running


@pytest.mark.parametrize("kind", ["incident.triggered", "incident.escalated", "incident.annotated"])
async def test_our_own_page_that_comes_back_goes_no_further(gateway: Gateway, kind: str) -> None:
    assert (await gateway.event(an_event(kind))).json() == {"status": "ours"}
    assert not gateway.temporal.running
    assert not gateway.temporal.answers


async def test_the_same_event_again_is_known_and_changes_nothing(gateway: Gateway) -> None:
    for status in ("told", "known", "known"):
        assert (await gateway.event(an_event())).json() == {"status": status}
    assert len(gateway.temporal.answers) == 1


async def test_what_temporal_did_not_take_may_be_sent_again(gateway: Gateway) -> None:
    gateway.temporal.broken = NotAccepted("down", where="Temporal")
    assert (await gateway.event(an_event())).status_code == 503
    gateway.temporal.broken = None
    assert (await gateway.event(an_event())).json() == {"status": "told"}


async def test_any_of_several_signatures_passes_and_none_does_not(gateway: Gateway) -> None:
    assert (await gateway.event(an_event(), "wrong", "0ld")).status_code == 202
    assert (await gateway.event(an_event(id="Q2"), "wrong", "other")).status_code == 401
    for signed in ("", "v1=", "v0=00", "v1=" + "0" * 64, ",".join(["v1=00"] * 500)):
        body = json.dumps({"event": an_event()}).encode()
        headers = {"X-PagerDuty-Signature": signed}
        answer = await gateway.post("/pagerduty/webhooks/pager", body, headers)
        assert answer.status_code == 401
    assert len(gateway.temporal.answers) == 1


async def test_what_others_page_about_is_an_alert_and_its_end_ends_it(gateway: Gateway) -> None:
    for kind in ("incident.triggered", "incident.resolved"):
        answer = await gateway.event(an_event(kind, incident_key="somebody/elses"))
        (incident,) = answer.json()["incidents"]
        assert incident["playbook"] == "triage"
    (batches,) = gateway.temporal.running.values()
    opened, closed = (batch.alerts[0] for batch in batches)
    assert (opened.action, closed.action) == ("open", "close")
    assert opened.episode_key == closed.episode_key == "Q1"
    assert opened.severity == "high"
    assert opened.auth.scheme == "pagerduty-v1"


async def test_the_test_button_starts_nothing(gateway: Gateway) -> None:
    event = an_event("pagey.ping") | {"data": {"type": "ping", "message": "Hello"}}
    assert (await gateway.event(event)).json() == {"incidents": []}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"event": 1}', b'{"event": {"id": "x"}}'])
async def test_what_is_no_event_is_refused_and_never_500(gateway: Gateway, body: bytes) -> None:
    headers = {"X-PagerDuty-Signature": v1("s3cret", body)}
    assert (await gateway.post("/pagerduty/webhooks/pager", body, headers)).status_code == 400


@pytest.mark.parametrize("text", NASTY)
async def test_nothing_that_is_written_in_an_event_comes_back_or_breaks_it(
    gateway: Gateway, text: str
) -> None:
    event = an_event("incident.triggered", incident_key=text, title=text, urgency=text)
    event["data"] |= {"service": {"summary": text}, "html_url": text, "priority": {"name": text}}
    event["agent"] = {"id": text}
    answer = await gateway.event(event)
    assert answer.status_code == 202
    assert text not in answer.text
    event = an_event(incident_key=f"{INCIDENT}/{text}") | {"agent": {"id": text}}
    assert (await gateway.event(event)).status_code == 202


async def test_a_pressed_button_acknowledges_for_who_pressed_it_and_no_more(
    gateway: Gateway,
) -> None:
    answer = await gateway.press(acknowledge())
    assert (answer.status_code, answer.content) == (200, b"")
    ((incident, said),) = gateway.temporal.answers
    assert (incident, said.gate, said.person, said.via) == (
        INCIDENT,
        "acknowledge",
        "ic-1",
        "slack",
    )


async def test_a_double_click_is_one_answer(gateway: Gateway) -> None:
    for _ in range(2):
        await gateway.press(acknowledge())
    assert len({answer.answer_id for _, answer in gateway.temporal.answers}) == 1


@pytest.mark.parametrize(
    "action",
    [
        {"action_id": "hemostat_open"},
        {"action_id": "approve", "value": f"{INCIDENT}/acknowledge"},
        acknowledge("../../etc/passwd"),
        acknowledge(f"{INCIDENT}/"),
        acknowledge("x" * 3000),
        {"action_id": "hemostat_acknowledge", "value": {"a": 1}},
    ],
)
async def test_other_buttons_do_nothing(gateway: Gateway, action: dict[str, Any]) -> None:
    assert (await gateway.press(action)).status_code == 200
    assert not gateway.temporal.answers


async def test_a_stranger_in_the_workspace_acknowledges_nothing(gateway: Gateway) -> None:
    assert (await gateway.press(acknowledge(), user="U0STRANGER")).status_code == 200
    assert not gateway.temporal.answers


@pytest.mark.parametrize(("at", "secret"), [(-301, "slack"), (302, "slack"), (0, "other")])
async def test_what_is_old_from_the_future_or_not_slacks_is_refused(
    gateway: Gateway, at: float, secret: str
) -> None:
    assert (await gateway.press(acknowledge(), at=at, signing=secret)).status_code == 401
    assert not gateway.temporal.answers


async def test_a_request_that_was_taken_is_refused_the_next_time(gateway: Gateway) -> None:
    body = urlencode({"payload": json.dumps({"type": "block_actions"})}).encode()
    moment = str(int(time.time()))
    signed = hmac.new(b"slack", f"v0:{moment}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={signed}"}
    statuses = [
        (await gateway.post("/slack/interactions", body, headers)).status_code for _ in range(2)
    ]
    assert statuses == [200, 401]


def test_pagerduty_is_known_by_its_signature_alone() -> None:
    unsigned = TOML.replace(
        'secret = ["env:PAGER_SECRET", "env:PAGER_OLD_SECRET"]', 'token = "env:A"'
    )
    with pytest.raises(InvalidSettings, match="the kind `pagerduty` has a `secret`"):
        Settings.parse(unsigned)
