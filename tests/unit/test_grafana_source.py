"""Grafana's webhook: Alertmanager's body and more; signed with a time or refused."""

import hashlib
import hmac
from datetime import timedelta

import pytest

from hemostat.gateway.delivery import BrokenBody
from hemostat.gateway.sealed import SealedWebhooks
from hemostat.gateway.signed import Refused
from hemostat.gateway.sources.grafana import seal
from schemas.alert import AlertAction, AlertSeverity
from tests.senders import NOW, grafana, grafana_alert, read

BODY = grafana()
MOMENT = str(int(NOW.timestamp()))


def headers(body: bytes = BODY, key: str = "s1", moment: str = MOMENT) -> dict[str, str]:
    signed = hmac.new(key.encode(), moment.encode() + b":" + body, hashlib.sha256)
    return {
        "x-grafana-alerting-timestamp": moment,
        "x-grafana-alerting-signature": signed.hexdigest(),
    }


def known() -> SealedWebhooks:
    return SealedWebhooks("grafana", seal, ["s1", "s2"])


def test_a_rule_that_fires_is_read_with_its_values_and_links() -> None:
    (made,) = read("grafana", BODY).alerts
    assert made.action is AlertAction.OPEN
    assert made.kind == "Negative share high"
    assert made.severity is AlertSeverity.CRITICAL
    assert made.evidence["A"] == 0.87
    assert made.evidence["B"] == 412
    assert made.evidence["negative_share"] == 0.87
    assert made.labels["ruleUID"] == "cd2f"
    assert made.labels["grafana_folder"] == "ml"
    assert made.links[0] == "https://grafana.example/d/ece9?orgId=1&viewPanel=2"
    assert not any("picture" in link for link in made.links)


def test_what_is_resolved_ends_the_episode_that_fired() -> None:
    (fired,) = read("grafana", BODY).alerts
    ended = grafana(grafana_alert(status="resolved", endsAt="2026-11-22T20:00:00Z", values=None))
    (resolved,) = read("grafana", ended).alerts
    assert resolved.action is AlertAction.CLOSE
    assert resolved.episode_key == fired.episode_key
    assert resolved.ended_at is not None


def test_the_same_group_sent_again_is_the_same_delivery() -> None:
    again = grafana(message="**Firing** still", title="[FIRING:1] still")
    assert read("grafana", again).delivery_key == read("grafana", BODY).delivery_key


def test_the_test_button_is_no_alert_but_a_rule_of_that_name_is() -> None:
    test = grafana_alert(labels={"alertname": "TestAlert"}, generatorURL="?orgId=1")
    assert read("grafana", grafana(test, groupKey="webhook-5764-1790503500")).alerts == ()
    assert len(read("grafana", grafana(test)).alerts) == 1


def test_a_custom_payload_is_refused_with_what_to_do() -> None:
    with pytest.raises(BrokenBody, match="without a custom payload"):
        read("grafana", b'{"text": "the model is wrong"}')


def test_each_live_secret_holds_and_says_which() -> None:
    assert known().verify(headers(), BODY, NOW).key_id == "grafana/1"
    assert known().verify(headers(key="s2"), BODY, NOW).key_id == "grafana/2"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "a signature without a time would hold for ever"),
        ({"x-grafana-alerting-timestamp": MOMENT}, "missing or wrong"),
        (headers(key="s3"), "missing or wrong"),
        (headers(b"another body"), "missing or wrong"),
        ({**headers(), "x-grafana-alerting-timestamp": str(int(MOMENT) + 1)}, "missing or wrong"),
        ({**headers(), "x-grafana-alerting-signature": "é" * 64}, "missing or wrong"),
        (headers(moment="soon"), "no time in seconds"),
        (headers(moment="²"), "no time in seconds"),
        (headers(moment="9" * 13), "no time in seconds"),
        (headers(moment=str(int(MOMENT) - 301)), "too old or from the future"),
        (headers(moment=str(int(MOMENT) + 301)), "too old or from the future"),
    ],
)
def test_what_is_forged_or_of_another_time_is_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        known().verify(wrong, BODY, NOW)


def test_a_signature_of_the_body_alone_holds_for_nothing() -> None:
    bare = hmac.new(b"s1", BODY, hashlib.sha256).hexdigest()
    with pytest.raises(Refused, match="without a time"):
        known().verify({"x-grafana-alerting-signature": bare}, BODY, NOW)
    with pytest.raises(Refused, match="missing or wrong"):
        known().verify({**headers(), "x-grafana-alerting-signature": bare}, BODY, NOW)


def test_a_delivery_is_taken_once_and_may_be_tried_again_before() -> None:
    webhooks = known()
    assert not webhooks.was_taken(headers(), BODY)
    webhooks.spend(headers(), BODY, NOW)
    assert webhooks.was_taken(headers(), BODY)
    later = headers(moment=str(int((NOW + timedelta(seconds=1)).timestamp())))
    assert not webhooks.was_taken(later, BODY)
