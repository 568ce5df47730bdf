"""A group of alerts as Alertmanager sends it, and whoever took its shape over. Pure.

One POST carries a group of alerts. An alert is its ``fingerprint``, which comes back with every
later episode; an episode is fingerprint and ``startsAt``; a delivery is the group with the state
of each of its alerts, so a group that is re-sent unchanged is the same delivery. ``endsAt`` of
year 1 means that it has not ended.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hemostat.gateway.delivery import Delivery, Normalised, clip, severity_of
from hemostat.gateway.reading import (
    is_moment,
    json_of,
    key_of,
    labels,
    links,
    moment,
    numbers,
    refuse,
    text,
)
from schemas.alert import Alert, AlertAction
from schemas.canonical import canonical_json

_ACTIONS: Final = {"firing": AlertAction.OPEN, "resolved": AlertAction.CLOSE}
_FINGERPRINT: Final = re.compile(r"[0-9A-Za-z]{1,64}")


@dataclass(frozen=True)
class Dialect:
    """What a sender adds to Alertmanager's alerts; *next_step* helps whose body is broken."""

    next_step: str
    links: tuple[str, ...] = ("generatorURL",)
    labels: tuple[str, ...] = ()
    """Fields of an alert that are labels as well, under their own names, where none says else."""

    numbers: str | None = None
    """The field that holds what was measured, by name."""


def body_of(delivery: Delivery, dialect: Dialect) -> Mapping[str, Any]:
    """Return the group in a body, or raise ``BrokenBody``."""
    body = json_of(delivery.body, dialect.next_step)
    refuse(_problems(body), dialect.next_step)
    group: Mapping[str, Any] = body
    return group


def group_of(delivery: Delivery, dialect: Dialect, body: Mapping[str, Any]) -> Normalised:
    """Return the alerts of a group that ``body_of`` read."""
    key = delivery_key(delivery, body)
    alerts = tuple(_alert(delivery, dialect, key, body, raw) for raw in body["alerts"])
    return Normalised(key, alerts)


def delivery_key(delivery: Delivery, body: Mapping[str, Any]) -> str:
    """Return what names the group with the state of each of its alerts."""
    states = sorted(
        (_fingerprint(raw), raw["status"], str(moment(raw.get("startsAt"))))
        for raw in body["alerts"]
    )
    return key_of(delivery.source, text(body.get("groupKey")), text(body.get("receiver")), states)


def _problems(body: Any) -> list[str]:
    """What makes the body unusable, by place; empty: nothing."""
    if not isinstance(body, dict):
        return ["it is not an object"]
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        return ["`alerts` is not a list"]
    found = []
    for index, alert in enumerate(alerts):
        at = f"alerts[{index}]"
        if not isinstance(alert, dict):
            found.append(f"`{at}` is not an object")
            continue
        if alert.get("status") not in ("firing", "resolved"):
            found.append(f"`{at}.status` is neither firing nor resolved")
        if not isinstance(alert.get("labels"), dict):
            found.append(f"`{at}.labels` is not an object")
        if not isinstance(alert.get("annotations") or {}, dict):
            found.append(f"`{at}.annotations` is not an object")
        if not is_moment(alert.get("startsAt")):
            found.append(f"`{at}.startsAt` is not a time")
    return found


def _alert(
    delivery: Delivery,
    dialect: Dialect,
    key: str,
    body: Mapping[str, Any],
    raw: Mapping[str, Any],
) -> Alert:
    also = {name: raw[name] for name in dialect.labels if raw.get(name)}
    named, cut_labels = labels({**also, **raw["labels"]}, first=("alertname", "severity"))
    notes = {text(name): text(value) for name, value in (raw.get("annotations") or {}).items()}
    name = named.get("alertname", "")
    title, cut_title = clip(notes.get("summary") or name or "(an alert without a name)", 1024)
    told, cut_text = clip(notes.get("description") or notes.get("message") or "", 16_384)
    severity = named.get("severity")
    started = moment(raw.get("startsAt"))
    alert_key = _fingerprint(raw)
    group = text(body.get("groupKey"))
    measured = raw.get(dialect.numbers) if dialect.numbers else None
    measured = measured if isinstance(measured, dict) else {}
    places = [raw.get(field) for field in dialect.links]
    return Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=alert_key,
        episode_key=f"{alert_key}@{started.isoformat() if started else ''}",
        group_key=hashlib.sha256(group.encode()).hexdigest() if group else None,
        action=_ACTIONS[raw["status"]],
        severity=severity_of(severity, delivery.default_severity),
        severity_raw=severity,
        title=title,
        description=told,
        kind=name[:255],
        started_at=started,
        ended_at=moment(raw.get("endsAt")) if raw["status"] == "resolved" else None,
        received_at=delivery.received_at,
        labels=named,
        evidence={**numbers(measured), **numbers({**named, **notes})},
        links=links([*places, notes.get("runbook_url"), body.get("externalURL")]),
        truncated=cut_labels or cut_title or cut_text or bool(body.get("truncatedAlerts")),
        auth=delivery.auth,
        raw=delivery.raw,
    )


def _fingerprint(raw: Mapping[str, Any]) -> str:
    """The alert's fingerprint; older or hand-made senders without one get a hash of the labels."""
    given = raw.get("fingerprint")
    if isinstance(given, str) and _FINGERPRINT.fullmatch(given):
        return given
    named = given if isinstance(given, str) and given else raw["labels"]
    pairs = sorted((k, text(v)) for k, v in named.items()) if isinstance(named, dict) else named
    return hashlib.sha256(canonical_json(pairs)).hexdigest()[:32]
