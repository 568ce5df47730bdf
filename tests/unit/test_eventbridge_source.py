"""EventBridge's events: alarms begin and end, findings are graded, the rest is what it is."""

import json
from datetime import UTC, datetime

import pytest

from hemostat.gateway.delivery import BrokenBody
from schemas.alert import Alert, AlertAction, AlertSeverity
from tests.senders import alarm, finding, read


def one(body: bytes) -> Alert:
    (made,) = read("eventbridge", body).alerts
    return made


def test_an_alarm_that_goes_off_is_read_whole() -> None:
    made = one(alarm())
    assert made.action is AlertAction.OPEN
    assert made.kind == made.labels["alertname"] == "negative-share"
    assert made.title == "negative-share: ALARM"
    assert made.description.startswith("Threshold Crossed")
    assert made.severity is AlertSeverity.LOW
    assert made.started_at == datetime(2026, 11, 23, 7, 20, 0, 100_000, tzinfo=UTC)
    assert (made.labels["team"], made.labels["region"]) == ("ml", "eu-central-1")


def test_what_follows_an_alarm_belongs_to_its_episode() -> None:
    fired = one(alarm())
    ended = one(alarm("OK", "ALARM"))
    blind = one(alarm("INSUFFICIENT_DATA", "ALARM"))
    assert ended.episode_key == blind.episode_key == fired.episode_key
    assert (ended.action, blind.action) == (AlertAction.CLOSE, AlertAction.UPDATE)
    assert ended.ended_at is not None
    assert fired.delivery_key != ended.delivery_key


def test_what_neither_was_nor_is_an_alarm_is_no_alert() -> None:
    assert read("eventbridge", alarm("OK", "INSUFFICIENT_DATA")).alerts == ()
    assert read("eventbridge", alarm("INSUFFICIENT_DATA", "OK")).alerts == ()


def test_the_same_event_again_is_the_same_delivery() -> None:
    assert read("eventbridge", alarm()).delivery_key == read("eventbridge", alarm()).delivery_key
    assert read("eventbridge", alarm(id="x")).delivery_key != (
        read("eventbridge", alarm()).delivery_key
    )


@pytest.mark.parametrize(
    ("graded", "severity"),
    [
        (9.5, AlertSeverity.CRITICAL),
        (7.0, AlertSeverity.HIGH),
        (4, AlertSeverity.MEDIUM),
        (1.0, AlertSeverity.LOW),
        (0.1, AlertSeverity.LOW),
        ("much", AlertSeverity.LOW),
    ],
)
def test_a_finding_is_graded_and_its_default_is_the_sources(
    graded: float, severity: AlertSeverity
) -> None:
    made = one(finding(graded))
    assert made.severity is severity
    assert made.evidence["count"] == 3


def test_a_finding_that_goes_on_is_the_same_episode_and_a_sample_is_no_alert() -> None:
    later = json.loads(finding(9.0)) | {"id": "ev-g"}
    assert one(finding()).episode_key == one(json.dumps(later).encode()).episode_key
    sample = {"additionalInfo": {"sample": True}}
    assert read("eventbridge", finding(service=sample)).alerts == ()


def test_any_other_event_is_an_alert_of_its_own() -> None:
    event = json.loads(alarm()) | {"detail-type": "Model Drift", "detail": {"a": [1]}}
    made = one(json.dumps(event).encode())
    assert made.kind == made.title == made.labels["detail-type"] == "Model Drift"
    assert one(json.dumps(event | {"id": "2"}).encode()).episode_key != made.episode_key


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "it is not an object"),
        (alarm(id=7), "`id` is missing"),
        (alarm(time="<b>"), "`time` is not a time"),
        (alarm(detail=[1]), "`detail` is not an object"),
        (alarm(detail={"alarmName": "a"}), "`detail.state.value` is none of ALARM, OK"),
        (alarm("ALARM", detail={"alarmName": ""}), "`detail.alarmName` is missing"),
        (finding(id=None), "`detail.id` is missing"),
        (b'{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://x"}', "`id` is missing"),
    ],
)
def test_a_broken_event_is_refused_with_what_was_wrong(body: bytes, said: str) -> None:
    with pytest.raises(BrokenBody) as caught:
        read("eventbridge", body)
    assert said in caught.value.what
    assert "<b>" not in str(caught.value)
