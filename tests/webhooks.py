"""Alertmanager webhook bodies of our own making, for the tests of the gateway."""

import copy
import json
from typing import Any

ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {
        "alertname": "FeedbackPoisoningSuspected",
        "model": "sentiment",
        "severity": "critical",
    },
    "annotations": {
        "summary": "negative share up 41 points",
        "description": "share of negative answers over the window",
        "negative_share": "0.87",
        "samples": "412",
    },
    "startsAt": "2026-11-22T19:31:32.916432911Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example:9090/graph?g0.tab=1",
    "fingerprint": "f82abfccfb7a7f82",
}


def alert(**changes: Any) -> dict[str, Any]:
    """One alert of a group; ``labels`` and ``annotations`` are laid over the usual ones."""
    made = copy.deepcopy(ALERT)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] |= value
        else:
            made[key] = value
    return made


def webhook(*alerts: dict[str, Any], **changes: Any) -> bytes:
    """The body of one POST with *alerts*, by default one that fires."""
    group = list(alerts) or [alert()]
    body = {
        "version": "4",
        "groupKey": '{}:{alertname="FeedbackPoisoningSuspected"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hemostat",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": group,
    }
    return json.dumps(body | changes).encode()
