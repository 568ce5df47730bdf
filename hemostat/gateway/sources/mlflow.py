"""MLflow's webhooks: a registry or a budget was changed (read in ``mlflow/webhooks``, 3.17).

They are changes, not alarms: none has a severity, and none ends. Each is an episode of its own, the
thing that changed is the alert. Which change is an incident, a route says, by ``event`` and ``name``;
for the others the source has ``unrouted = "ignore"``.

    X-MLflow-Delivery-Id: ID, X-MLflow-Timestamp: SECONDS
    X-MLflow-Signature: v1,BASE64      HMAC-SHA256 of "ID.SECONDS." and the body's bytes

A delivery that is tried again keeps its id, its time and its bytes.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from hemostat.gateway.delivery import Delivery, Normalised, clip
from hemostat.gateway.reading import json_of, key_of, labels, moment, numbers, refuse, text
from hemostat.gateway.sealed import Seal, in_base64
from schemas.alert import Alert, AlertAction

_WORD: Final = re.compile(r"[a-z_]{1,64}")
_NEXT: Final = "send MLflow's own webhook body (3.17); see `mlflow.webhooks.types`."
_THING: Final = ("name", "alias", "key", "budget_policy_id", "target_scope", "target_value")
"""What names the thing that changed; a version, a value or a spend is what became of it."""
_SHOWN: Final = ("name", "alias", "version", "key", "budget_policy_id")
_TEXTS: Final = ("description", "template", "tags")


def normalise(delivery: Delivery) -> Normalised:
    """Return the one change that a POST tells."""
    body = json_of(delivery.body, _NEXT)
    refuse(_problems(body), _NEXT)
    key = key_of(delivery.source, delivery.raw.digest)
    return Normalised(key, (_change(delivery, key, body),))


def seal(headers: Mapping[str, str], body: bytes) -> Seal:
    """Return what the headers claim of *body*."""
    delivery = headers.get("x-mlflow-delivery-id", "")
    when = headers.get("x-mlflow-timestamp", "")
    return Seal(
        header="X-MLflow-Signature",
        given=headers.get("x-mlflow-signature", "").split(" "),
        time_header="X-MLflow-Timestamp",
        moment=when,
        message=f"{delivery}.{when}.".encode("utf-8", "replace") + body,
        once=f"{when}.{delivery[:128]}",
        written=in_base64,
    )


def _problems(body: Any) -> list[str]:
    if not isinstance(body, dict):
        return ["it is not an object"]
    found = [
        f"`{field}` is not the name of one"
        for field in ("entity", "action")
        if not (isinstance(body.get(field), str) and _WORD.fullmatch(body[field]))
    ]
    if not isinstance(body.get("data"), dict):
        found.append("`data` is not an object")
    if moment(body.get("timestamp")) is None:
        found.append("`timestamp` is not a time")
    return found


def _change(delivery: Delivery, key: str, body: Mapping[str, Any]) -> Alert:
    event, data = f"{body['entity']}.{body['action']}", body["data"]
    thing = key_of(body["entity"], [text(data.get(field)) for field in _THING])[:32]
    said = {name: value for name, value in data.items() if name not in _TEXTS}
    ours = {"event": event, "alertname": event}
    if "workspace" in body:
        ours["workspace"] = text(body["workspace"])
    named, cut = labels({**said, **ours}, first=(*ours, *_SHOWN))
    shown = [f"{field} {named[field]}" for field in _SHOWN if named.get(field)]
    title, cut_title = clip(f"MLflow: {', '.join([event, *shown])}", 1024)
    about, cut_text = clip(text(data.get("description") or data.get("template")), 16_384)
    return Alert(
        source=delivery.source,
        source_type=delivery.kind,
        delivery_key=key,
        alert_key=thing,
        episode_key=f"{thing}@{key[:32]}",
        action=AlertAction.OPEN,
        severity=delivery.default_severity,
        title=title,
        description=about,
        kind=event,
        started_at=moment(body.get("timestamp")),
        received_at=delivery.received_at,
        labels=named,
        evidence=numbers({name: v for name, v in said.items() if not isinstance(v, str)}),
        truncated=cut or cut_title or cut_text,
        auth=delivery.auth,
        raw=delivery.raw,
    )
