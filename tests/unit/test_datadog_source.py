"""Datadog's webhook with our payload: a monitor's cycle from trigger to recovery."""

import pytest

from hemostat.gateway.delivery import BrokenBody
from schemas.alert import Alert, AlertAction, AlertSeverity
from tests.senders import datadog, read


def one(**changes: object) -> Alert:
    (made,) = read("datadog", datadog(**changes)).alerts
    return made


def test_a_monitor_that_triggers_is_read_whole() -> None:
    made = one()
    assert made.action is AlertAction.OPEN
    assert made.severity is AlertSeverity.CRITICAL
    assert made.title == "Datadog monitor 148275309: Triggered on env:prod,service:assistant"
    assert made.labels["monitor"] == "148275309"
    assert (made.labels["team"], made.labels["service"]) == ("ml", "assistant")
    assert made.links == ("https://app.datadoghq.eu/monitors/148275309",)
    assert made.started_at is not None


def test_what_recovers_ends_the_cycle_that_triggered() -> None:
    ended = one(transition="Recovered", type="success", id="2")
    assert ended.action is AlertAction.CLOSE
    assert ended.episode_key == one().episode_key
    assert ended.severity is AlertSeverity.CRITICAL
    assert one(cycle="another").episode_key != ended.episode_key
    assert one(cycle="another").alert_key == ended.alert_key


def test_a_tag_does_not_stand_in_for_what_datadog_says() -> None:
    made = one(tags="monitor:7,priority:P5,plain")
    assert (made.labels["monitor"], made.labels["priority"]) == ("148275309", "P1")


def test_a_variable_without_a_value_says_nothing() -> None:
    made = one(priority="$ALERT_PRIORITY", scope="$ALERT_SCOPE", date="$DATE", type="warning")
    assert made.severity is AlertSeverity.MEDIUM
    assert "scope" not in made.labels
    assert made.started_at is None
    with pytest.raises(BrokenBody, match="`cycle` is missing"):
        one(cycle="$ALERT_CYCLE_KEY")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"title": "a "quoted" word"}', "not JSON"),
        (b"7", "it is not an object"),
        (datadog(alert_id=""), "`alert_id` is missing"),
        (datadog(transition="<b>"), "`transition` is none of Datadog's"),
    ],
)
def test_a_broken_body_is_refused_with_what_was_wrong(body: bytes, said: str) -> None:
    with pytest.raises(BrokenBody) as caught:
        read("datadog", body)
    assert said in caught.value.what
    assert "connect-a-source.md" in caught.value.next_step
    assert "<b>" not in str(caught.value)
