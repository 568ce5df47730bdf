"""CloudEvents 1.0 over HTTP: whatever is home-made, and guards in front of a model.

One event in structured or binary mode, or a batch; ``source`` and ``id`` name an event, so the same
ones again are the same delivery. The envelope knows no alert, so ``data`` may say, where it is a JSON
object (all of it optional):

    title, description, severity, labels {}, evidence {name: number}, links []
    alert       what stays the same over the alert's life; else source, type and subject of the event
    status      firing | updated | resolved
    episode     one occurrence of it; else the event is one, and can be neither updated nor resolved
    started_at, ended_at

Attributes of the event are labels under their own names, and stand before labels of ``data``.
Events of the envelope are believed as its bearer token is: the token says who may send.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from hemostat.gateway.delivery import BrokenBody, Delivery, Normalised, clip, severity_of
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

_STRUCTURED: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"
_REQUIRED: Final = ("id", "source", "type")
_NOT_LABELS: Final = frozenset({"specversion", "data", "data_base64", "datacontenttype", "id"})
_NAME: Final = re.compile(r"[a-z0-9]{1,64}")
_MOST_EVENTS: Final = 1000
_ACTIONS: Final = {
    "firing": AlertAction.OPEN,
    "updated": AlertAction.UPDATE,
    "resolved": AlertAction.CLOSE,
}
_NEXT: Final = (
    f"send CloudEvents 1.0: {_STRUCTURED}, {_BATCH}, or ce-* headers with data in the body."
)

Event = Mapping[str, Any]


def normalise(delivery: Delivery) -> Normalised:
    """Return an alert for each event."""
    events = _events(delivery)
    refuse([said for at, event in events for said in _problems(at, event)], _NEXT)
    named = sorted((text(event["source"]), text(event["id"])) for _, event in events)
    key = key_of(delivery.source, named)
    return Normalised(key, tuple(_alert(delivery, key, event) for _, event in events))


def _events(delivery: Delivery) -> list[tuple[str, Event]]:
    """The events, each with its place in what was sent."""
    media_type = delivery.raw.media_type.partition(";")[0].strip().lower()
    if media_type == _BATCH:
        batch = json_of(delivery.body, _NEXT)
        if not isinstance(batch, list) or not all(isinstance(one, dict) for one in batch):
            raise BrokenBody("it is not a list of objects", where="body", next_step=_NEXT)
        if len(batch) > _MOST_EVENTS:
            refuse([f"it holds more than {_MOST_EVENTS} events"], "send fewer at once.")
        return [(f"[{index}].", event) for index, event in enumerate(batch)]
    if media_type == _STRUCTURED:
        event = json_of(delivery.body, _NEXT)
        if not isinstance(event, dict):
            raise BrokenBody("it is not an object", where="body", next_step=_NEXT)
        return [("", event)]
    if "ce-specversion" in delivery.headers:
        return [("ce-", _binary(delivery, media_type))]
    raise BrokenBody("it is no CloudEvent", where="Content-Type", next_step=_NEXT)


def _binary(delivery: Delivery, media_type: str) -> Event:
    """The event whose attributes are headers, percent-encoded, and whose data is the body."""
    event: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value, errors="replace")
        for name, value in delivery.headers.items()
        if name.startswith("ce-")
    }
    for reserved in ("data", "data_base64"):
        event.pop(reserved, None)
    if media_type == "application/json" or media_type.endswith("+json"):
        event["data"] = json_of(delivery.body, _NEXT) if delivery.body else None
    return event


def _problems(at: str, event: Event) -> list[str]:
    found = []
    if event.get("specversion") != "1.0":
        found.append(f"`{at}specversion` is not 1.0")
    for name in _REQUIRED:
        value = event.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= 1024:
            found.append(f"`{at}{name}` is missing or longer than 1024 characters")
    if event.get("time") is not None and moment(event["time"]) is None:
        found.append(f"`{at}time` is not a time")
    if event.get("data") is not None and event.get("data_base64") is not None:
        found.append(f"`{at}data` and `{at}data_base64` are both there")
    return [*found, *_problems_of_data("data." if at == "ce-" else f"{at}data.", _data(event))]


def _problems_of_data(at: str, data: Event) -> list[str]:
    found = [
        f"`{at}{name}` is not an object"
        for name in ("labels", "evidence")
        if not isinstance(data.get(name) or {}, dict)
    ]
    if not isinstance(data.get("links") or [], list):
        found.append(f"`{at}links` is not a list")
    found += [
        f"`{at}{name}` is not a time"
        for name in ("started_at", "ended_at")
        if not is_moment(data.get(name))
    ]
    status = data.get("status")
    if status is not None and not (isinstance(status, str) and status in _ACTIONS):
        found.append(f"`{at}status` is none of {', '.join(_ACTIONS)}")
    elif status not in (None, "firing") and not text(data.get("episode")):
        found.append(f"`{at}episode` is missing, and `{at}status` speaks of an earlier event")
    return found


def _alert(delivery: Delivery, key: str, event: Event) -> Alert:
    data = _data(event)
    action = _ACTIONS[data.get("status") or "firing"]
    own = text(data.get("alert"))
    thing = [own] if own else [text(event.get(n)) for n in ("source", "type", "subject")]
    alert_key = key_of(delivery.source, thing)[:32]
    episode = text(data.get("episode"))
    occurrence = [episode] if episode else [text(event["source"]), text(event["id"])]
    named, cut_labels = labels(_labels(event, data), first=("type", "source", "subject"))
    kind = text(event["type"])
    title, cut_title = clip(text(data.get("title")) or _title(event), 1024)
    about, cut_text = clip(text(data.get("description")), 16_384)
    severity = text(data.get("severity") or event.get("severity"))[:64] or None
    began = moment(data.get("started_at"))
    return Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=alert_key,
        episode_key=f"{alert_key}@{key_of(occurrence)[:32]}",
        action=action,
        severity=severity_of(severity, delivery.default_severity),
        severity_raw=severity,
        title=title,
        description=about,
        kind=kind[:255],
        started_at=began or (moment(event.get("time")) if action is AlertAction.OPEN else None),
        ended_at=_end(event, data) if action is AlertAction.CLOSE else None,
        received_at=delivery.received_at,
        labels=named,
        evidence=numbers(data.get("evidence") or {}),
        links=links(_list(data.get("links"))),
        truncated=cut_labels or cut_title or cut_text,
        auth=delivery.auth,
        raw=delivery.raw,
    )


def _labels(event: Event, data: Event) -> dict[str, Any]:
    """Labels of the data, and before them the attributes; one that is null is not there."""
    attributes = {
        name: value
        for name, value in event.items()
        if name not in _NOT_LABELS and value is not None and _NAME.fullmatch(name)
    }
    return {**(data.get("labels") or {}), **attributes}


def _title(event: Event) -> str:
    subject = text(event.get("subject"))
    return f"{text(event['type'])}{f': {subject}' if subject else ''}"


def _end(event: Event, data: Event) -> Any:
    return moment(data.get("ended_at")) or moment(event.get("time"))


def _data(event: Event) -> Event:
    """What the data says, where it is an object; anything else is kept with the bytes alone."""
    data = event.get("data")
    return data if isinstance(data, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
