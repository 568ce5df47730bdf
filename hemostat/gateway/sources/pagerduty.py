"""PagerDuty's incidents, webhook version 3: one event a POST (``event.event_type``).

An incident of PagerDuty is an alert (its ``id``), an episode by ``id`` as well: PagerDuty opens
another incident for what comes again. Ours, which our own pages opened, never get here. Events that
say nothing of an incident's beginning or end are no alert.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from hemostat.gateway.delivery import BrokenBody, Delivery, Normalised, clip, severity_of
from schemas.alert import Alert, AlertAction
from schemas.canonical import canonical_json

_ACTIONS: Final = {
    "incident.triggered": AlertAction.OPEN,
    "incident.reopened": AlertAction.OPEN,
    "incident.acknowledged": AlertAction.UPDATE,
    "incident.priority_updated": AlertAction.UPDATE,
    "incident.resolved": AlertAction.CLOSE,
}
_URGENCY: Final = {"high": "high", "low": "low"}
_NEXT: Final = "subscribe a V3 webhook to incident events and leave its body as it is."


def normalise(delivery: Delivery) -> Normalised:
    """Return the alert that the event is, or none."""
    event = _event(delivery.body)
    named = [delivery.source, _text(event.get("id")), event["event_type"]]
    key = hashlib.sha256(canonical_json(named)).hexdigest()
    action, data = _ACTIONS.get(event["event_type"]), event.get("data")
    if action is None:
        return Normalised(key, ())
    if not isinstance(data, dict) or not _text(data.get("id")):
        raise BrokenBody("`event.data.id` is missing", where="body", next_step=_NEXT)
    return Normalised(key, (_alert(delivery, key, action, event, data),))


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        read = from_json(body, allow_inf_nan=False)
    except ValueError as error:  # its text has a position, nothing of the body
        raise BrokenBody(f"not JSON: {error}", where="body", next_step=_NEXT) from error
    event = read.get("event") if isinstance(read, dict) else None
    if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
        raise BrokenBody("`event.event_type` is missing", where="body", next_step=_NEXT)
    return event


def _alert(
    delivery: Delivery,
    key: str,
    action: AlertAction,
    event: Mapping[str, Any],
    data: Mapping[str, Any],
) -> Alert:
    incident = _text(data["id"])[:64]
    title, cut = clip(_text(data.get("title")) or "(an incident without a title)", 1024)
    priority, urgency = _summary(data.get("priority")), _text(data.get("urgency"))[:64]
    raw = priority or _URGENCY.get(urgency, "")
    labels = {
        "alertname": title[:255],
        "service": _summary(data.get("service")),
        "status": _text(data.get("status"))[:64],
        "urgency": urgency,
        "priority": priority,
        "incident_type": _summary(data.get("incident_type")),
    }
    occurred = _moment(event.get("occurred_at"))
    return Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=incident,
        episode_key=incident,
        action=action,
        severity=severity_of(raw, delivery.default_severity),
        severity_raw=raw or None,
        title=title,
        kind="pagerduty.incident",
        started_at=_moment(data.get("created_at")) or occurred,
        ended_at=occurred if action is AlertAction.CLOSE else None,
        received_at=delivery.received_at,
        labels={name: value for name, value in labels.items() if value},
        links=_links(data.get("html_url")),
        truncated=cut,
        auth=delivery.auth,
        raw=delivery.raw,
    )


def _summary(reference: Any) -> str:
    found = reference.get("summary") if isinstance(reference, dict) else None
    named = reference.get("name") if isinstance(reference, dict) else None
    return _text(found or named)[:255]


def _links(url: Any) -> tuple[str, ...]:
    """The link to it, to be shown, never fetched."""
    http = isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= 2048
    return (url,) if http else ()


def _moment(raw: Any) -> datetime | None:
    if not isinstance(raw, str) or len(raw) > 64:
        return None
    try:
        moment = datetime.fromisoformat(raw)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """Text as text, in what UTF-8 can carry."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""
