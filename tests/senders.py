"""Bodies of our own making as Grafana, MLflow and senders of CloudEvents post them, signed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from hemostat.gateway.delivery import Delivery, Normalised
from hemostat.gateway.sources import source_kind
from schemas.alert import AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_bytes
from tests.webhooks import alert

NOW = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
SECRET = "s3cret"


def read(
    kind: str,
    body: bytes,
    media_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Normalised:
    """What the source *kind* makes of *body*, as the source ``in`` that is thought to be low."""
    return source_kind(kind, "test").normalise(
        Delivery(
            source="in",
            kind=kind,
            body=body,
            received_at=NOW,
            default_severity=AlertSeverity.LOW,
            auth=Authenticity(scheme="bearer", key_id="in/1"),
            raw=RawRef(digest=digest_bytes(body), size=len(body), media_type=media_type),
            headers=headers or {},
        )
    )


def grafana(*alerts: dict[str, Any], **changes: Any) -> bytes:
    """A POST of Grafana's webhook contact point, by default with one rule that fires."""
    body = {
        "receiver": "hemostat",
        "status": "firing",
        "orgId": 1,
        "alerts": list(alerts) or [grafana_alert()],
        "groupLabels": {"alertname": "Negative share high"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://grafana.example/",
        "version": "1",
        "groupKey": '{}/{team="ml"}:{alertname="Negative share high"}',
        "truncatedAlerts": 0,
        "title": "[FIRING:1] Negative share high",
        "state": "alerting",
        "message": "**Firing**",
    }
    return json.dumps(body | changes).encode()


def grafana_alert(**changes: Any) -> dict[str, Any]:
    """One alert as Grafana has it."""
    own = {
        "labels": {"alertname": "Negative share high", "grafana_folder": "ml"},
        "values": {"A": 0.87, "B": 412, "C": 1},
        "valueString": "[ var='A' labels={} value=0.87 ]",
        "generatorURL": "https://grafana.example/alerting/grafana/cd2f/view?orgId=1",
        "panelURL": "https://grafana.example/d/ece9?orgId=1&viewPanel=2",
        "dashboardURL": "https://grafana.example/d/ece9?orgId=1",
        "silenceURL": "https://grafana.example/alerting/silence/new",
        "imageURL": "https://grafana.example/picture.png",
        "ruleUID": "cd2f",
        "orgId": 1,
    }
    return alert(**{**own, **changes})


def grafana_signed(body: bytes, *, at: float = 0, secret: str = SECRET) -> dict[str, str]:
    """Headers of a contact point with a secret and a header for the time."""
    moment = str(int(datetime.now(UTC).timestamp() + at))
    signed = hmac.new(secret.encode(), f"{moment}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Grafana-Alerting-Timestamp": moment, "X-Grafana-Alerting-Signature": signed}


def mlflow(entity: str = "model_version_alias", action: str = "created", **data: Any) -> bytes:
    """A POST of MLflow's, by default: the alias champion names version 7."""
    said = data or {"name": "sentiment", "alias": "champion", "version": "7"}
    told = {"entity": entity, "action": action, "timestamp": "2026-11-23T07:29:58.120001+00:00"}
    return json.dumps({**told, "data": said}).encode()


def mlflow_signed(
    body: bytes, *, delivery: str = "d-1", at: float = 0, secret: str = SECRET
) -> dict[str, str]:
    """Headers of an MLflow webhook with a secret."""
    moment = str(int(datetime.now(UTC).timestamp() + at))
    signed = hmac.new(secret.encode(), f"{delivery}.{moment}.".encode() + body, hashlib.sha256)
    return {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": moment,
        "X-MLflow-Signature": "v1," + base64.b64encode(signed.digest()).decode(),
    }


def event(**changes: Any) -> dict[str, Any]:
    """A CloudEvent of a guard in front of a model."""
    made = {
        "specversion": "1.0",
        "type": "com.example.guard.blocked",
        "source": "/guards/eu-1",
        "id": "e-1",
        "time": "2026-11-23T07:29:59Z",
        "subject": "assistant",
        "datacontenttype": "application/json",
        "traceparent": "00-0af7",
        "data": {
            "title": "prompt injection blocked",
            "description": "detector prompt_attack, 14 requests in a minute",
            "severity": "high",
            "labels": {"detector": "prompt_attack"},
            "evidence": {"score": 0.98, "requests": 14},
            "links": ["https://guard.example/results/e-1"],
        },
    }
    return made | changes


STRUCTURED = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json"


def structured(**changes: Any) -> bytes:
    """One event as the whole body."""
    return json.dumps(event(**changes)).encode()


def batch(*events: Any) -> bytes:
    """Several events in one POST."""
    return json.dumps(list(events)).encode()


def binary(**changes: Any) -> tuple[bytes, dict[str, str]]:
    """The data of one event, and its attributes as headers."""
    made = event(**changes)
    data = made.pop("data")
    made.pop("datacontenttype")
    return json.dumps(data).encode(), {f"ce-{name}": str(value) for name, value in made.items()}


def alarm(state: str = "ALARM", before: str = "OK", **changes: Any) -> bytes:
    """A state change of a CloudWatch alarm, as EventBridge posts it."""
    fired = "2026-11-23T07:20:00.100+0000"
    times = {"ALARM": fired, "OK": "2026-11-23T07:31:00.200+0000"}
    event = {
        "version": "0",
        "id": f"ev-{before}-{state}",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "111122223333",
        "time": "2026-11-23T07:31:02Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:cloudwatch:eu-central-1:111122223333:alarm:share"],
        "detail": {
            "alarmName": "negative-share",
            "alarmTags": {"team": "ml"},
            "state": {
                "value": state,
                "timestamp": times.get(state, "2026-11-23T07:30:00.000+0000"),
                "reason": "Threshold Crossed: 1 datapoint [0.87] was greater than 0.4.",
            },
            "previousState": {
                "value": before,
                "timestamp": fired if before == "ALARM" else "2026-11-01T00:00:00.000+0000",
            },
        },
    }
    return json.dumps(event | changes).encode()


def finding(severity: float = 8.0, **detail: Any) -> bytes:
    """A finding of GuardDuty, as EventBridge posts it."""
    said = {
        "id": "f-1",
        "type": "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "severity": severity,
        "title": "Credentials of an instance role are used from outside.",
        "description": "From an address that is not of AWS.",
        "createdAt": "2026-11-23T07:10:00.000Z",
        "service": {"count": 3, "archived": False, "eventFirstSeen": "2026-11-23T07:01:00Z"},
    }
    event = json.loads(alarm())
    event |= {"id": "ev-f", "detail-type": "GuardDuty Finding", "source": "aws.guardduty"}
    return json.dumps(event | {"detail": said | detail}).encode()


def datadog(**changes: Any) -> bytes:
    """A webhook of Datadog's with our payload, as it fills it in."""
    body = {
        "id": "7716548234011234567",
        "alert_id": "148275309",
        "cycle": "7716548234011230001",
        "transition": "Triggered",
        "type": "error",
        "priority": "P1",
        "scope": "env:prod,service:assistant",
        "tags": "env:prod,monitor,service:assistant,team:ml",
        "metric": "guard.blocked",
        "date": "1795419000000",
        "link": "https://app.datadoghq.eu/monitors/148275309",
    }
    return json.dumps(body | changes).encode()
