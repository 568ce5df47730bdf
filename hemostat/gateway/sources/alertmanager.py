"""Prometheus Alertmanager, webhook version 4 (release 0.34; ``notify/webhook/webhook.go``).

One POST carries a group of alerts. An alert is its ``fingerprint``, which comes back with every
later episode; an episode is fingerprint and ``startsAt``; a delivery is the group with the state
of each of its alerts, so a group that is re-sent unchanged is the same delivery. ``endsAt`` of
year 1 means that it has not ended.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from hemostat.gateway.sources import BrokenBody, Delivery, Normalised, clip, severity_of
from schemas.alert import Alert, AlertAction
from schemas.canonical import canonical_json

_ACTIONS: Final = {"firing": AlertAction.OPEN, "resolved": AlertAction.CLOSE}
_FINGERPRINT: Final = re.compile(r"[0-9A-Za-z]{1,64}")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LABELS, _LABEL_NAME, _LABEL_VALUE, _NUMBERS, _LINKS, _LINK = 64, 128, 1024, 32, 8, 2048
_SHOWN_PROBLEMS: Final = 5
_NEVER: Final = "0001-01-01T00:00:00"
_NEXT: Final = "send Alertmanager's own webhook body (version 4), without a `payload:` template."


def normalise(delivery: Delivery) -> Normalised:
    """Return the alerts of one webhook POST."""
    try:
        body = from_json(delivery.body, allow_inf_nan=False)
    except ValueError as error:  # its text has a position, nothing of the body
        raise BrokenBody(f"not JSON: {error}", where="body", next_step=_NEXT) from error
    found = _problems(body)
    if found:
        shown = "; ".join(found[:_SHOWN_PROBLEMS])
        more = f"; and {len(found) - _SHOWN_PROBLEMS} more" if len(found) > _SHOWN_PROBLEMS else ""
        raise BrokenBody(shown + more, where="body", next_step=_NEXT)
    key = _delivery_key(delivery, body)
    return Normalised(key, tuple(_alert(delivery, key, body, raw) for raw in body["alerts"]))


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
        if not _is_moment(alert.get("startsAt")):
            found.append(f"`{at}.startsAt` is not a time")
    return found


def _alert(delivery: Delivery, key: str, body: Mapping[str, Any], raw: Mapping[str, Any]) -> Alert:
    labels, cut_labels = _labels(raw["labels"])
    notes = {name: _text(value) for name, value in (raw.get("annotations") or {}).items()}
    name = labels.get("alertname", "")
    title, cut_title = clip(notes.get("summary") or name or "(an alert without a name)", 1024)
    text, cut_text = clip(notes.get("description") or notes.get("message") or "", 16_384)
    severity = labels.get("severity")
    started = _moment(raw.get("startsAt"))
    alert_key = _fingerprint(raw)
    group = _text(body.get("groupKey"))
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
        description=text,
        kind=name[:255],
        started_at=started,
        ended_at=_moment(raw.get("endsAt")) if raw["status"] == "resolved" else None,
        received_at=delivery.received_at,
        labels=labels,
        evidence=_numbers({**labels, **notes}),
        links=_links(raw.get("generatorURL"), notes.get("runbook_url"), body.get("externalURL")),
        truncated=cut_labels or cut_title or cut_text or bool(body.get("truncatedAlerts")),
        auth=delivery.auth,
        raw=delivery.raw,
    )


def _delivery_key(delivery: Delivery, body: Mapping[str, Any]) -> str:
    states = sorted(
        (_fingerprint(raw), raw["status"], str(_moment(raw.get("startsAt"))))
        for raw in body["alerts"]
    )
    named = [delivery.source, _text(body.get("groupKey")), _text(body.get("receiver")), states]
    return hashlib.sha256(canonical_json(named)).hexdigest()


def _fingerprint(raw: Mapping[str, Any]) -> str:
    """The alert's fingerprint; older or hand-made senders without one get a hash of the labels."""
    given = raw.get("fingerprint")
    if isinstance(given, str) and _FINGERPRINT.fullmatch(given):
        return given
    named = given if isinstance(given, str) and given else raw["labels"]
    pairs = sorted((k, _text(v)) for k, v in named.items()) if isinstance(named, dict) else named
    return hashlib.sha256(canonical_json(pairs)).hexdigest()[:32]


def _labels(raw: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """The labels as text, bounded; the names that rules match on come first in any case."""
    cut = len(raw) > _LABELS
    first = ("alertname", "severity")
    names = [n for n in first if n in raw] + sorted(n for n in raw if n not in first)
    labels = {}
    for name in names[:_LABELS]:
        label, cut_name = clip(name, _LABEL_NAME)
        labels[label], cut_value = clip(_text(raw[name]), _LABEL_VALUE)
        cut = cut or cut_name or cut_value
    return labels, cut


def _numbers(texts: Mapping[str, str]) -> dict[str, float]:
    """What parses as a number, by the name of its label or annotation."""
    numbers: dict[str, float] = {}
    for name, text in texts.items():
        if len(numbers) == _NUMBERS:
            break
        if len(text) <= 64 and _NUMBER.fullmatch(text.strip()):
            value = float(text)
            if math.isfinite(value):
                numbers[name[:_LABEL_NAME]] = value
    return numbers


def _links(*urls: Any) -> tuple[str, ...]:
    """The http(s) links, to be shown, never fetched."""
    kept = [
        url
        for url in urls
        if isinstance(url, str) and url.startswith(("http://", "https://")) and len(url) <= _LINK
    ]
    return tuple(dict.fromkeys(kept))[:_LINKS]


def _is_moment(raw: Any) -> bool:
    return raw is None or _moment(raw) is not None or str(raw).startswith(_NEVER)


def _moment(raw: Any) -> datetime | None:
    """The time that *raw* says; None for year 1, which says "not ended", and for no time at all."""
    if not isinstance(raw, str) or raw.startswith(_NEVER) or len(raw) > 64:
        return None
    try:
        moment = datetime.fromisoformat(raw)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """A scalar as text: senders of the wild put numbers where strings belong."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except ValueError:  # an integer of more digits than Python turns into text
        return "(a number too long to read)"
