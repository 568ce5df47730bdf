"""Alertmanager's webhook in our words: whatever it holds, alerts or a clear refusal."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from hemostat.gateway.delivery import BrokenBody, Delivery, Normalised
from hemostat.gateway.sources.alertmanager import normalise
from schemas.alert import AlertAction, AlertSeverity, Authenticity, RawRef
from schemas.canonical import canonical_json, digest_bytes
from tests.webhooks import alert, webhook


def read(body: bytes, default: AlertSeverity = AlertSeverity.MEDIUM) -> Normalised:
    return normalise(
        Delivery(
            source="prometheus",
            kind="alertmanager",
            body=body,
            received_at=datetime(2026, 11, 22, 20, tzinfo=UTC),
            default_severity=default,
            auth=Authenticity(scheme="bearer", key_id="prometheus/1"),
            raw=RawRef(digest=digest_bytes(body), size=len(body), media_type="application/json"),
        )
    )


def test_a_firing_alert_is_read_whole() -> None:
    (read_alert,) = read(webhook()).alerts
    assert read_alert.action is AlertAction.OPEN
    assert read_alert.severity is AlertSeverity.CRITICAL
    assert read_alert.title == "negative share up 41 points"
    assert read_alert.kind == "FeedbackPoisoningSuspected"
    assert read_alert.alert_key == "f82abfccfb7a7f82"
    assert read_alert.started_at == datetime(2026, 11, 22, 19, 31, 32, 916432, tzinfo=UTC)
    assert read_alert.ended_at is None
    assert read_alert.evidence == {"negative_share": 0.87, "samples": 412.0}
    assert read_alert.labels["model"] == "sentiment"
    assert len(read_alert.links) == 2
    assert not read_alert.truncated


def test_a_resolved_alert_ends_the_same_episode() -> None:
    (fired,) = read(webhook()).alerts
    (ended,) = read(webhook(alert(status="resolved", endsAt="2026-11-22T20:00:00+01:00"))).alerts
    assert ended.action is AlertAction.CLOSE
    assert ended.ended_at == datetime(2026, 11, 22, 19, tzinfo=UTC)
    assert ended.episode_key == fired.episode_key
    assert ended.delivery_key != fired.delivery_key


def test_a_later_start_is_another_episode_of_the_same_alert() -> None:
    (first,) = read(webhook()).alerts
    (second,) = read(webhook(alert(startsAt="2026-11-23T00:00:00Z"))).alerts
    assert second.alert_key == first.alert_key
    assert second.episode_key != first.episode_key


def test_the_same_group_sent_again_is_the_same_delivery_in_whatever_order() -> None:
    one, two = alert(fingerprint="a" * 16), alert(fingerprint="b" * 16)
    sent = read(webhook(one, two)).delivery_key
    assert (
        read(webhook(two, one, notification_reason="repeat interval elapsed")).delivery_key == sent
    )
    assert read(webhook(one)).delivery_key != sent
    assert read(webhook(one, two, receiver="another")).delivery_key != sent


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("page", AlertSeverity.CRITICAL),
        ("MAJOR", AlertSeverity.HIGH),
        ("warning", AlertSeverity.MEDIUM),
        ("none", AlertSeverity.INFO),
        ("sev-0", AlertSeverity.HIGH),
        (None, AlertSeverity.HIGH),
    ],
)
def test_an_unknown_severity_is_the_default_of_the_source_never_silently_low(
    word: str | None, severity: AlertSeverity
) -> None:
    body = webhook(alert(labels={"severity": word}))
    assert read(body, default=AlertSeverity.HIGH).alerts[0].severity is severity


def test_text_is_cut_to_size_and_says_so() -> None:
    huge = alert(
        annotations={"summary": "s" * 5000, "description": "d" * 50_000},
        labels={f"label{n}": "v" * 5000 for n in range(100)},
    )
    (read_alert,) = read(webhook(huge)).alerts
    assert read_alert.truncated
    assert len(read_alert.title) == 1024
    assert len(read_alert.description) == 16_384
    assert len(read_alert.labels) == 64
    assert read_alert.kind == "FeedbackPoisoningSuspected"
    assert len(read_alert.model_dump_json()) < 100_000


def test_links_that_are_not_http_are_left_out() -> None:
    (read_alert,) = read(webhook(alert(generatorURL="javascript:alert(1)"), externalURL=7)).alerts
    assert read_alert.links == ()


def test_scalars_of_the_wrong_type_and_unknown_keys_are_taken() -> None:
    odd = alert(labels={"replicas": 2, "up": True, "none": None}, extra={"x": 1}, fingerprint=None)
    (read_alert,) = read(webhook(odd, unknown=[1])).alerts
    assert read_alert.labels["replicas"] == "2"
    assert read_alert.evidence["replicas"] == 2.0
    assert len(read_alert.alert_key) == 32


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"alerts": NaN}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "it is not an object"),
        (b"{}", "`alerts` is not a list"),
        (b'{"alerts": [1]}', "`alerts[0]` is not an object"),
        (webhook(alert(status="<b>up</b>")), "`alerts[0].status` is neither firing nor resolved"),
        (webhook(alert(), alert(labels=7)), "`alerts[1].labels` is not an object"),
        (webhook(alert(annotations="x")), "`alerts[0].annotations` is not an object"),
        (webhook(alert(startsAt="yesterday")), "`alerts[0].startsAt` is not a time"),
    ],
)
def test_a_broken_body_is_refused_with_what_was_wrong(body: bytes, said: str) -> None:
    with pytest.raises(BrokenBody) as caught:
        read(body)
    assert said in caught.value.what
    assert "<b>" not in str(caught.value)


def test_only_the_first_of_many_problems_are_listed() -> None:
    with pytest.raises(BrokenBody, match="and 95 more"):
        read(json.dumps({"alerts": [1] * 100}).encode())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["firing", "resolved", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["severity"]), inner, max_size=3)
    ),
    max_leaves=10,
)
ALERT_OF_ANYTHING = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved"]) | JSON,
        "labels": st.dictionaries(st.text(max_size=8), JSON, max_size=4) | JSON,
        "annotations": st.dictionaries(st.text(max_size=8), JSON, max_size=4) | JSON,
        "startsAt": JSON,
        "endsAt": JSON,
        "fingerprint": JSON,
        "generatorURL": JSON,
    },
)
BODY_OF_ANYTHING = st.fixed_dictionaries(
    {"alerts": st.lists(ALERT_OF_ANYTHING, max_size=3)},
    optional={"groupKey": JSON, "receiver": JSON, "externalURL": JSON, "truncatedAlerts": JSON},
)


@trials(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(JSON | BODY_OF_ANYTHING)
def test_any_json_gives_alerts_that_can_be_recorded_or_a_refusal(body: Any) -> None:
    try:
        normalised = read(json.dumps(body).encode())
    except BrokenBody:
        return
    for read_alert in normalised.alerts:
        canonical_json(read_alert)


@trials(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_alerts_or_a_refusal(body: bytes) -> None:
    with contextlib.suppress(BrokenBody):
        read(body)
