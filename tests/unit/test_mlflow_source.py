"""MLflow's webhooks: changes of a registry, signed with id, time and bytes; each counts once."""

from datetime import UTC, datetime

import pytest

from hemostat.gateway.delivery import BrokenBody
from hemostat.gateway.sealed import SealedWebhooks
from hemostat.gateway.signed import Refused
from hemostat.gateway.sources.mlflow import seal
from schemas.alert import AlertAction, AlertSeverity
from tests.senders import mlflow, mlflow_signed, read

BODY = mlflow()


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def verify(headers: dict[str, str], body: bytes = BODY) -> str:
    webhooks = SealedWebhooks("mlflow", seal, ["s3cret", "old"])
    return webhooks.verify(lower(headers), body, datetime.now(UTC)).key_id


def test_an_alias_that_was_moved_is_an_alert_of_its_own() -> None:
    (made,) = read("mlflow", BODY).alerts
    assert made.title == (
        "MLflow: model_version_alias.created, name sentiment, alias champion, version 7"
    )
    assert made.action is AlertAction.OPEN
    assert made.severity is AlertSeverity.LOW
    assert made.severity_raw is None
    assert made.kind == made.labels["event"] == "model_version_alias.created"
    assert made.labels["alias"] == "champion"
    assert made.started_at == datetime(2026, 11, 23, 7, 29, 58, 120_001, tzinfo=UTC)
    assert made.evidence == {}


def test_each_change_of_a_thing_is_another_episode_of_it() -> None:
    (first,) = read("mlflow", BODY).alerts
    (second,) = read("mlflow", mlflow(name="sentiment", alias="champion", version="8")).alerts
    (other,) = read("mlflow", mlflow(name="sentiment", alias="challenger", version="8")).alerts
    assert second.alert_key == first.alert_key != other.alert_key
    assert second.episode_key != first.episode_key
    assert read("mlflow", BODY).alerts[0].episode_key == first.episode_key


def test_a_spend_beyond_its_budget_is_measured() -> None:
    body = mlflow(
        "budget_policy",
        "exceeded",
        budget_policy_id="bp-1",
        budget_amount=100.0,
        current_spend=105.5,
        target_scope="ENDPOINT",
        target_value="ep-1",
        window_start=1_704_067_200_000,
    )
    (made,) = read("mlflow", body).alerts
    assert made.evidence["current_spend"] == 105.5
    assert made.labels["target_value"] == "ep-1"


def test_what_a_version_says_of_itself_is_no_label_and_cannot_name_another_event() -> None:
    body = mlflow(
        "model_version",
        "created",
        name="sentiment",
        version="7",
        event="budget_policy.exceeded",
        alertname="FeedbackPoisoningSuspected",
        description="d" * 20_000,
        tags={"event": "x"},
    )
    (made,) = read("mlflow", body).alerts
    assert made.labels["event"] == made.labels["alertname"] == "model_version.created"
    assert "tags" not in made.labels
    assert len(made.description) == 16_384
    assert made.truncated


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "it is not an object"),
        (b"{}", "`entity` is not the name of one"),
        (mlflow("<b>model</b>"), "`entity` is not the name of one"),
        (mlflow(action="../x"), "`action` is not the name of one"),
        (BODY.replace(b'"data": {', b'"date": {'), "`data` is not an object"),
        (BODY.replace(b"2026-11-23T", b"soon"), "`timestamp` is not a time"),
    ],
)
def test_a_broken_body_is_refused_with_what_was_wrong(body: bytes, said: str) -> None:
    with pytest.raises(BrokenBody) as caught:
        read("mlflow", body)
    assert said in caught.value.what
    assert "<b>" not in str(caught.value)


def test_either_secret_of_a_rotation_holds_beside_a_signature_of_another_version() -> None:
    assert verify(mlflow_signed(BODY)) == "mlflow/1"
    assert verify(mlflow_signed(BODY, secret="old")) == "mlflow/2"
    signed = mlflow_signed(BODY)
    signed["X-MLflow-Signature"] = f"v2,AAAA {signed['X-MLflow-Signature']}"
    assert verify(signed) == "mlflow/1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "has no X-MLflow-Timestamp"),
        (mlflow_signed(BODY, secret="wrong"), "X-MLflow-Signature is missing or wrong"),
        (mlflow_signed(b"another"), "missing or wrong"),
        ({**mlflow_signed(BODY), "X-MLflow-Delivery-Id": "d-2"}, "missing or wrong"),
        ({**mlflow_signed(BODY), "X-MLflow-Signature": "sha256=" + "0" * 64}, "missing or wrong"),
    ],
)
def test_what_is_forged_is_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        verify(wrong)


@pytest.mark.parametrize("at", [-400, 400])
def test_what_was_signed_at_another_time_is_refused(at: float) -> None:
    with pytest.raises(Refused, match="too old or from the future"):
        verify(mlflow_signed(BODY, at=at))


def test_a_delivery_that_is_tried_again_is_known_by_its_id() -> None:
    webhooks, now = SealedWebhooks("mlflow", seal, ["s3cret"]), datetime.now(UTC)
    signed = lower(mlflow_signed(BODY))
    webhooks.spend(signed, BODY, now)
    assert webhooks.was_taken(signed, BODY)
    assert not webhooks.was_taken(lower(mlflow_signed(BODY, delivery="d-2")), BODY)
