"""Every source with what nobody should send: nothing but alerts of bounded size, or a refusal."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from hemostat.gateway.delivery import BrokenBody
from hemostat.gateway.sources import kinds
from hemostat.settings import Settings
from schemas.alert import Alert
from schemas.canonical import canonical_json
from schemas.errors import ConfigurationError
from tests.nasty import NASTY
from tests.senders import (
    BATCH,
    STRUCTURED,
    alarm,
    batch,
    binary,
    datadog,
    event,
    finding,
    grafana,
    grafana_alert,
    grafana_signed,
    mlflow,
    mlflow_signed,
    read,
    structured,
)
from tests.unit.test_gateway import TOKEN, Gateway

TOML = """
[sources.grafana]
kind = "grafana"
token = "env:HEMOSTAT_TEST_TOKEN"
secret = "env:HEMOSTAT_TEST_TOKEN"

[sources.registry]
kind = "mlflow"
secret = "env:HEMOSTAT_TEST_TOKEN"
unrouted = "ignore"

[sources.guards]
kind = "cloudevents"
token = "env:HEMOSTAT_TEST_TOKEN"

[[routes]]
source = "registry"
match = { event = "model_version_alias.created", name = "sentiment", alias = "champion" }
playbook = "feedback-poisoning"
service = "sentiment-api"

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
"""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setenv("HEMOSTAT_TEST_TOKEN", "s3cret")
    return Gateway(tmp_path, TOML)


def of(text: str) -> list[tuple[str, bytes, str]]:
    """Deliveries of each kind that hold *text* wherever their sender lets others write."""
    thing = {"name": text, "alias": text, "version": text, text[:200]: text}
    said = {"title": text, "description": text, "labels": {text: text}, "links": [text]}
    words = {"severity": text, "alert": text, "episode": text, "evidence": {text: text}}
    alert = grafana_alert(
        labels={"alertname": text, text: text},
        annotations={"summary": text, "description": text, text: text},
        values={text: 1.5},
        generatorURL=text,
        panelURL=text,
        fingerprint=text,
    )
    return [
        ("grafana", grafana(alert, groupKey=text, externalURL=text, receiver=text), ""),
        ("alertmanager", grafana(alert), ""),
        ("mlflow", mlflow(**thing, description=text, tags={text: text}), ""),
        ("eventbridge", alarm(resources=[text], region=text, account=text), ""),
        ("eventbridge", finding(type=text, title=text, description=text, id=text), ""),
        (
            "datadog",
            datadog(title=text, body=text, scope=text, tags=f"{text}:{text}", link=text),
            "",
        ),
        ("cloudevents", structured(data={**said, **words}), STRUCTURED),
        ("cloudevents", batch(event(subject=text, severity=text, data=text)), BATCH),
    ]


def is_bounded(alert: Alert) -> None:
    canonical_json(alert)
    assert len(alert.title) <= 1024
    assert len(alert.description) <= 16_384
    assert len(alert.labels) <= 64
    assert all(len(name) <= 128 for name in alert.labels)
    assert all(len(value) <= 1024 for value in alert.labels.values())
    assert all(link.startswith(("http://", "https://")) for link in alert.links)
    assert len(alert.alert_key) <= 64
    assert alert.alert_key.isalnum()


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_is_carried_bounded_and_names_nothing(text: str) -> None:
    for kind, body, media_type in of(text):
        (made,) = read(kind, body, media_type).alerts
        is_bounded(made)
        assert text not in made.alert_key
        assert text not in made.delivery_key


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1.0", "firing", "resolved", "2026-11-23T07:30:00Z", "9" * 400]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["status", "severity", "labels", "name"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
CHANGES = st.dictionaries(
    st.sampled_from(
        [
            *("data", "id", "type", "source", "subject", "time", "specversion", "severity"),
            *("detail", "detail-type", "state", "resources", "cycle", "transition", "tags", "date"),
            *("entity", "action", "timestamp", "workspace", "alerts", "groupKey", "values"),
        ]
    ),
    JSON,
    max_size=4,
)


POSTS = (grafana(), mlflow(), alarm(), finding(), datadog())


@trials(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(JSON | CHANGES, CHANGES)
def test_any_json_gives_alerts_that_can_be_recorded_or_a_refusal(
    body: Any, changes: dict[str, Any]
) -> None:
    whole = [
        json.dumps(body).encode(),
        *(json.dumps(json.loads(made) | changes).encode() for made in POSTS),
        structured(**changes),
        batch(event(), event(**changes)),
    ]
    attributes = {f"ce-{name}": str(value)[:99] for name, value in changes.items()}
    for kind in kinds():
        for sent in whole:
            for media_type in ("application/json", STRUCTURED, BATCH):
                headers = binary()[1] | attributes
                with contextlib.suppress(BrokenBody):
                    for alert in read(kind, sent, media_type, headers).alerts:
                        canonical_json(alert)


@trials(deadline=None, max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_give_alerts_or_a_refusal(body: bytes) -> None:
    for kind in kinds():
        for media_type in ("application/json", STRUCTURED, BATCH):
            with contextlib.suppress(BrokenBody):
                read(kind, body, media_type, binary()[1])


async def test_grafana_needs_the_token_and_the_signature_where_both_are_set(
    gateway: Gateway,
) -> None:
    body = grafana()
    signed = grafana_signed(body)
    assert (await gateway.post(body, "grafana", signed)).status_code == 401
    assert (await gateway.post(body, "grafana", TOKEN)).status_code == 401
    forged = grafana_signed(body, secret="other")
    assert (await gateway.post(body, "grafana", {**TOKEN, **forged})).status_code == 401
    taken = await gateway.post(body, "grafana", {**TOKEN, **signed})
    assert taken.status_code == 202
    assert taken.json()["incidents"][0]["playbook"] == "triage"


async def test_a_replay_is_answered_and_reaches_nothing(gateway: Gateway) -> None:
    body = mlflow()
    signed = mlflow_signed(body)
    (opened,) = (await gateway.post(body, "registry", signed)).json()["incidents"]
    assert (opened["playbook"], opened["status"]) == ("feedback-poisoning", "opened")
    again = await gateway.post(body, "registry", signed)
    assert (again.status_code, again.json()) == (202, {"incidents": []})
    late = await gateway.post(body, "registry", mlflow_signed(body, at=-301))
    assert late.status_code == 401
    assert gateway.temporal.alerts == 1


async def test_a_try_that_was_not_accepted_may_come_again(gateway: Gateway) -> None:
    body = mlflow()
    signed = mlflow_signed(body)
    gateway.temporal.broken = RuntimeError("down")
    assert (await gateway.post(body, "registry", signed)).status_code == 503
    gateway.temporal.broken = None
    (opened,) = (await gateway.post(body, "registry", signed)).json()["incidents"]
    assert opened["status"] == "opened"


async def test_a_change_that_no_route_knows_is_ignored_where_that_is_said(
    gateway: Gateway,
) -> None:
    body = mlflow(name="sentiment", alias="challenger", version="7")
    answer = await gateway.post(body, "registry", mlflow_signed(body))
    assert (answer.status_code, answer.json()) == (202, {"incidents": []})
    assert gateway.temporal.alerts == 0
    other = await gateway.post(
        structured(), "guards", {**TOKEN, "Content-Type": STRUCTURED}
    )  # a source that says nothing of it
    assert other.json()["incidents"][0]["playbook"] == "triage"


async def test_an_event_in_binary_mode_comes_in_with_its_headers(gateway: Gateway) -> None:
    body, attributes = binary(type="com.example.guard.leak")
    headers = {**TOKEN, **attributes, "Content-Type": "application/json"}
    (opened,) = (await gateway.post(body, "guards", headers)).json()["incidents"]
    ((batch_of_it,),) = gateway.temporal.running.values()
    assert batch_of_it.alerts[0].kind == "com.example.guard.leak"
    again = (await gateway.post(body, "guards", headers)).json()["incidents"]
    assert [one["status"] for one in (opened, *again)] == ["opened", "duplicate"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('kind = "mlflow"\ntoken = "env:T"', "the kind `mlflow` has a `secret`"),
        ('kind = "mlflow"\ntoken = "env:T"\nsecret = "env:S"', "and no token"),
        ('kind = "alertmanager"\nsecret = "env:S"', "mlflow, pagerduty, grafana have"),
        ('kind = "grafana"', "`token` is missing"),
        ('kind = "cloudevents"\ntoken = "env:T"\nunrouted = "drop"', "'triage' or 'ignore'"),
    ],
)
def test_what_is_missing_of_a_source_is_told(table: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.parse(f"[sources.in]\n{table}\n")
    assert said in str(caught.value)
