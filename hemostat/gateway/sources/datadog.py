"""Datadog's webhook integration, with the payload that ``docs/how-to/connect-a-source.md`` gives.

Datadog signs nothing: a custom header carries the bearer token. Its own payload names neither the
monitor nor the episode, so ours is put in its place. It holds no text that anybody can shape: a
quote in a monitor's title would break the JSON, and the alert would be lost. What Datadog has no
value for arrives as the variable's name (``$HOSTNAME``) and counts as not said.

A monitor and its scope are the alert, its cycle from trigger to recovery is the episode.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hemostat.gateway.delivery import Delivery, Normalised, clip, severity_of
from hemostat.gateway.reading import json_of, key_of, labels, links, refuse, text
from schemas.alert import Alert, AlertAction

_UNSET: Final = re.compile(r"\$[A-Z_]+")
_ACTIONS: Final = {
    "triggered": AlertAction.OPEN,
    "re-triggered": AlertAction.OPEN,
    "warn": AlertAction.OPEN,
    "re-warn": AlertAction.OPEN,
    "no data": AlertAction.OPEN,
    "re-no data": AlertAction.OPEN,
    "renotify": AlertAction.UPDATE,
    "recovered": AlertAction.CLOSE,
    "warn recovered": AlertAction.CLOSE,
    "no data recovered": AlertAction.CLOSE,
}
_REQUIRED: Final = ("id", "alert_id", "cycle", "transition")
_OURS: Final = ("monitor", "transition", "priority", "type", "metric", "scope")
_NEXT: Final = "give the webhook the payload of docs/how-to/connect-a-source.md."


def normalise(delivery: Delivery) -> Normalised:
    """Return the one alert of a POST."""
    body = json_of(delivery.body, _NEXT)
    refuse([] if isinstance(body, dict) else ["it is not an object"], _NEXT)
    said = {name: _said(value) for name, value in body.items()}
    found = [f"`{name}` is missing" for name in _REQUIRED if not said.get(name)]
    if said.get("transition") and said["transition"].lower() not in _ACTIONS:
        found.append("`transition` is none of Datadog's")
    refuse(found, _NEXT)
    named = [said[name] for name in _REQUIRED]
    key = key_of(delivery.source, named)
    return Normalised(key, (_alert(delivery, key, said),))


def _alert(delivery: Delivery, key: str, said: Mapping[str, str]) -> Alert:
    scope, transition = said.get("scope", ""), said["transition"]
    alert_key = key_of(delivery.source, said["alert_id"], scope)[:32]
    action = _ACTIONS[transition.lower()]
    tags = dict(tag.split(":", 1) for tag in said.get("tags", "").split(",") if ":" in tag)
    ours = {**said, "monitor": said["alert_id"]}
    known = {name: ours[name] for name in _OURS if ours.get(name)}
    named, cut = labels({**tags, **known}, first=_OURS)
    where = f" on {scope}" if scope else ""
    own = f"Datadog monitor {said['alert_id']}: {transition}{where}"
    title, cut_title = clip(said.get("title") or own, 1024)
    about, cut_text = clip(said.get("body", ""), 16_384)
    severity = said.get("priority") or (said.get("type") if action is AlertAction.OPEN else None)
    at = _moment(said.get("date", ""))
    return Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=alert_key,
        episode_key=f"{alert_key}@{key_of(said['cycle'])[:32]}",
        action=action,
        severity=severity_of(severity, delivery.default_severity),
        severity_raw=(severity or "")[:64] or None,
        title=title,
        description=about,
        kind="datadog.monitor",
        started_at=at if action is AlertAction.OPEN else None,
        ended_at=at if action is AlertAction.CLOSE else None,
        received_at=delivery.received_at,
        labels=named,
        links=links([said.get("link")]),
        truncated=cut or cut_title or cut_text,
        auth=delivery.auth,
        raw=delivery.raw,
    )


def _said(value: Any) -> str:
    """A value as text; empty for a variable that Datadog did not fill in."""
    told = text(value)
    return "" if _UNSET.fullmatch(told) else told


def _moment(raw: str) -> datetime | None:
    """The time that milliseconds since 1970 say."""
    if not (raw.isdecimal() and raw.isascii() and len(raw) <= 15):
        return None
    try:
        return datetime.fromtimestamp(int(raw) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
