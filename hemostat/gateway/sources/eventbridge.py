"""AWS EventBridge through an API destination: CloudWatch's alarms, GuardDuty's findings, any event.

Its connection sends ``Authorization: Bearer TOKEN`` (an API key of that name); EventBridge signs
nothing. An event's ``id`` is the delivery.

An alarm is its ARN, an episode begins with the time of its ALARM state; the same time is its
``previousState`` when it ends. A finding is an episode by its own id, is sent again as it goes on,
and never ends. Any other event is an episode of its own. Amazon SNS is no source: its signature
needs a certificate from an address in the body, and nothing is fetched from there.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hemostat.gateway.delivery import Delivery, Normalised, clip, severity_of
from hemostat.gateway.reading import (
    json_of,
    key_of,
    labels,
    moment,
    numbers,
    refuse,
    text,
)
from schemas.alert import Alert, AlertAction

_ALARM: Final = "CloudWatch Alarm State Change"
_FINDING: Final = "GuardDuty Finding"
_STATES: Final = ("ALARM", "OK", "INSUFFICIENT_DATA")
_GRADES: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (1.0, "low"))
"""GuardDuty's severity is a number from 1 to 10; see "Severity levels of GuardDuty findings"."""
_NEXT: Final = "send the matched event as it is, without an input transformer."

Json = Mapping[str, Any]


def normalise(delivery: Delivery) -> Normalised:
    """Return the alert that an event is, or none."""
    event = json_of(delivery.body, _NEXT)
    refuse(_problems(event), _NEXT)
    key = key_of(delivery.source, event["id"])
    kind, detail = event["detail-type"], event["detail"]
    if kind == _ALARM:
        found = _alarm(delivery, key, event, detail)
    elif kind == _FINDING:
        found = _finding(delivery, key, event, detail)
    else:
        found = _alert(delivery, key, event, [event["id"]], thing=[event["source"], kind])
    return Normalised(key, (found,) if found else ())


def _problems(event: Any) -> list[str]:
    if not isinstance(event, dict):
        return ["it is not an object"]
    found = [
        f"`{name}` is missing or longer than 1024 characters"
        for name in ("id", "detail-type", "source")
        if not isinstance(event.get(name), str) or not 1 <= len(event[name]) <= 1024
    ]
    if moment(event.get("time")) is None:
        found.append("`time` is not a time")
    detail = event.get("detail")
    if not isinstance(detail, dict):
        return [*found, "`detail` is not an object"]
    if event.get("detail-type") == _ALARM:
        found += _problems_of_alarm(detail)
    if event.get("detail-type") == _FINDING and not text(detail.get("id")):
        found.append("`detail.id` is missing")
    return found


def _problems_of_alarm(detail: Json) -> list[str]:
    found = [] if text(detail.get("alarmName")) else ["`detail.alarmName` is missing"]
    now = _table(detail, "state")
    if now.get("value") not in _STATES:
        found.append(f"`detail.state.value` is none of {', '.join(_STATES)}")
    if moment(now.get("timestamp")) is None:
        found.append("`detail.state.timestamp` is not a time")
    return found


def _alarm(delivery: Delivery, key: str, event: Json, detail: Json) -> Alert | None:
    """The alarm's alert; None where it neither was in ALARM nor is."""
    now, before = _table(detail, "state"), _table(detail, "previousState")
    was = moment(before.get("timestamp")) if before.get("value") == "ALARM" else None
    fires = now["value"] == "ALARM"
    began = moment(now["timestamp"]) if fires else was
    if began is None:
        return None
    action = AlertAction.OPEN if fires else AlertAction.UPDATE
    if now["value"] == "OK":
        action = AlertAction.CLOSE
    resources = event.get("resources")
    arn = text(resources[0]) if isinstance(resources, list) and resources else ""
    name = text(detail["alarmName"])
    return _alert(
        delivery,
        key,
        event,
        [began.isoformat()],
        thing=[arn or [event.get("account"), event.get("region"), name]],
        action=action,
        name=name,
        title=f"{name}: {now['value']}",
        about=text(now.get("reason")),
        more={**_table(detail, "alarmTags"), "state": now["value"]},
        began=began,
    )


def _finding(delivery: Delivery, key: str, event: Json, detail: Json) -> Alert | None:
    """The finding's alert; None for a sample, which somebody had made to see it work."""
    service = _table(detail, "service")
    if _table(service, "additionalInfo").get("sample") is True:
        return None
    graded = numbers({"severity": detail.get("severity")}).get("severity", math.nan)
    word = next((word for least, word in _GRADES if graded >= least), None)
    kind = text(detail.get("type"))
    return _alert(
        delivery,
        key,
        event,
        [text(detail["id"])],
        thing=[text(detail["id"])],
        name=kind,
        title=text(detail.get("title")) or kind,
        about=text(detail.get("description")),
        more={"finding": text(detail["id"])},
        severity=word,
        began=moment(service.get("eventFirstSeen")) or moment(detail.get("createdAt")),
        measured={"severity": graded, "count": service.get("count")},
    )


def _alert(
    delivery: Delivery,
    key: str,
    event: Json,
    occurrence: list[str],
    *,
    thing: list[Any],
    action: AlertAction = AlertAction.OPEN,
    name: str = "",
    title: str = "",
    about: str = "",
    more: Json | None = None,
    severity: str | None = None,
    began: datetime | None = None,
    measured: Json | None = None,
) -> Alert:
    alert_key = key_of(delivery.source, [_scalar(part) for part in thing])[:32]
    kind = text(event["detail-type"])
    ours = {
        "alertname": name or kind,
        **{field: event[field] for field in ("source", "detail-type", "account", "region") if event.get(field)},
    }  # fmt: skip
    named, cut = labels({**(more or {}), **ours}, first=tuple(ours))
    shown, cut_title = clip(title or kind, 1024)
    told, cut_text = clip(about, 16_384)
    at = moment(event["time"])
    return Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=alert_key,
        episode_key=f"{alert_key}@{key_of(occurrence)[:32]}",
        action=action,
        severity=severity_of(severity, delivery.default_severity),
        severity_raw=severity,
        title=shown,
        description=told,
        kind=(name or kind)[:255],
        started_at=began or at,
        ended_at=at if action is AlertAction.CLOSE else None,
        received_at=delivery.received_at,
        labels=named,
        evidence=numbers(measured or {}),
        truncated=cut or cut_title or cut_text,
        auth=delivery.auth,
        raw=delivery.raw,
    )


def _table(of: Json, name: str) -> Json:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _scalar(value: Any) -> Any:
    return [_scalar(one) for one in value] if isinstance(value, list) else text(value)
