"""What the load generator sends: Alertmanager's webhook bodies, and the same alert normalised."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hemostat.gateway.incident_signal import ALERT_SIGNAL
from hemostat.gateway.routing import Destination, incident_id
from hemostat.settings import Settings
from schemas.alert import Alert, AlertAction, AlertBatch, AlertSeverity, Authenticity, RawRef
from schemas.canonical import digest_of
from schemas.incident import OpenIncident

PLAYBOOK = "feedback-poisoning"
SERVICE = "sentiment-api"
SIGNAL = ALERT_SIGNAL


def incident_of(case: str) -> str:
    """The incident that the alerts of *case* belong to."""
    return incident_id(PLAYBOOK, SERVICE, [case])


def body(
    case: str,
    group: str = "",
    *,
    alertname: str = "FeedbackPoisoningSuspected",
    labels: Mapping[str, str] | None = None,
) -> bytes:
    """One POST: one firing alert of *case*; another *group* is another delivery of it."""
    alert = {
        "status": "firing",
        "labels": {
            "alertname": alertname,
            "case": case,
            "model": "sentiment",
            "severity": "critical",
            **(labels or {}),
        },
        "annotations": {
            "summary": "negative share of sentiment answers is up",
            "description": "share of negative answers over the window",
            "rise": "0.55",
            "samples": "412",
        },
        "startsAt": "2026-11-22T19:31:32.916432911Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example:9090/graph?g0.tab=1",
        "fingerprint": "f82abfccfb7a7f82",
    }
    webhook = {
        "version": "4",
        "groupKey": f'{{}}:{{case="{case}",group="{group}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hemostat",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": [alert],
    }
    return json.dumps(webhook).encode()


def batch(case: str) -> AlertBatch:
    """What one ``alert`` signal carries."""
    alert = Alert(
        source="bench",
        source_type="alertmanager",
        delivery_key=digest_of(case)[7:],
        alert_key="f82abfccfb7a7f82",
        episode_key="f82abfccfb7a7f82@2026-11-22T19:31:32+00:00",
        action=AlertAction.OPEN,
        severity=AlertSeverity.CRITICAL,
        title="negative share of sentiment answers is up",
        description="share of negative answers over the window",
        started_at=datetime(2026, 11, 22, 19, 31, 32, tzinfo=UTC),
        received_at=datetime.now(UTC),
        labels={"alertname": "FeedbackPoisoningSuspected", "case": case},
        evidence={"rise": 0.55, "samples": 412.0},
        auth=Authenticity(scheme="bearer", key_id="bench/1"),
        raw=RawRef(digest=digest_of("raw"), size=900, media_type="application/json"),
    )
    return AlertBatch(alerts=(alert,))


def destination(settings: Settings, case: str) -> Destination:
    """Where the gateway would send the alerts of *case*."""
    opening = OpenIncident(playbook=PLAYBOOK, service=settings.service(SERVICE))
    return Destination(incident=incident_of(case), opening=opening)


def as_signal(case: str) -> dict[str, Any]:
    """The signal's argument as JSON."""
    return batch(case).model_dump(mode="json")
