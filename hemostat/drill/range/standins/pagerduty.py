"""A strict stand-in for PagerDuty's Events API v2 alert events, in its own process.

Law: it refuses what the published contract refuses (github.com/PagerDuty/developer-docs,
events-API-v2), and fields which that contract does not name. An alert belongs to the routing key
and dedup key it was opened with; a trigger for an open alert only adds to its log; acknowledge and
resolve of anything not open are accepted and dropped; after a resolve the same key opens a new
alert. Opening an alert notifies a person once.
"""

import hashlib
import json
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hemostat.drill.range.standins.standin import Lies, serve
from schemas.base import iso

MAX_BYTES: Final = 512 * 1024
CALLS_PER_MINUTE: Final = 120
"""What one routing key may call in a minute; PagerDuty adjusts its own limit by the load."""

_ACTIONS: Final = ("trigger", "acknowledge", "resolve")
_SEVERITIES: Final = ("critical", "error", "warning", "info")
_TOP: Final = {
    *("routing_key", "event_action", "dedup_key", "payload"),
    *("images", "links", "client", "client_url"),
}
_PAYLOAD: Final = {
    *("summary", "source", "severity", "timestamp"),
    *("component", "group", "class", "custom_details"),
}


class Account:
    """What PagerDuty would know: alerts with their log, and who was notified of what."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.notifications: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self._calls: dict[str, deque[float]] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Apply an event that the contract allows."""
        action, key = event["event_action"], event["dedup_key"]
        integration, now = _integration(event["routing_key"]), iso(datetime.now(UTC))
        alert = self._open(integration, key)
        if alert is None and action != "trigger":
            self.dropped.append({"at": now, "action": action, "dedup_key": key})
            return
        if alert is None:
            alert = {"dedup_key": key, "integration": integration, "log": [], "opened_at": now}
            alert |= {k: event["payload"][k] for k in ("summary", "source", "severity")}
            alert["custom_details"] = event["payload"].get("custom_details", {})
            self.alerts.append(alert)
            self.notifications.append({"at": now, "dedup_key": key, "summary": alert["summary"]})
        alert["log"].append({"at": now, "action": action})
        if action != "trigger" or alert.get("status") is None:
            alert["status"] = {"trigger": "triggered", "acknowledge": "acknowledged"}.get(
                action, "resolved"
            )

    def over_the_limit(self, routing_key: str) -> bool:
        """Count one call, and whether it is one too many for the last minute."""
        calls, now = self._calls.setdefault(_integration(routing_key), deque()), time.monotonic()
        while calls and calls[0] < now - 60:
            calls.popleft()
        calls.append(now)
        return len(calls) > CALLS_PER_MINUTE

    def state(self) -> dict[str, Any]:
        """Everything; routing keys only as a digest."""
        return {
            "alerts_opened": len(self.alerts),
            "notifications": self.notifications,
            "alerts": self.alerts,
            "dropped": self.dropped,
        }

    def _open(self, integration: str, dedup_key: str) -> dict[str, Any] | None:
        for alert in self.alerts:
            same = (alert["integration"], alert["dedup_key"]) == (integration, dedup_key)
            if same and alert["status"] != "resolved":
                return alert
        return None


def refusals(event: Any) -> list[str]:
    """Why PagerDuty's contract refuses *event*; empty: it does not."""
    if not isinstance(event, dict):
        return ["The event is not a JSON object"]
    found = [f"'{name}' is not a field of an event" for name in sorted(event.keys() - _TOP)]
    action, key = event.get("event_action"), event.get("routing_key")
    if not isinstance(key, str) or len(key) != 32:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    if action not in _ACTIONS:
        found.append("'event_action' is missing or invalid")
    dedup_key = event.get("dedup_key")
    if dedup_key is not None and not _text(dedup_key, 255):
        found.append("'dedup_key' is not a string of 1 to 255 characters")
    if action == "trigger":
        found += _payload_refusals(event.get("payload")) + _context_refusals(event)
    elif dedup_key is None:
        found.append("'dedup_key' is missing or blank")
    return found


def _payload_refusals(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or invalid"]
    names = sorted(payload.keys() - _PAYLOAD)
    found = [f"'payload.{name}' is not a field of a payload" for name in names]
    if not _text(payload.get("summary"), 1024):
        found.append("'payload.summary' is missing, blank or longer than 1024 characters")
    if not _text(payload.get("source"), 1024):
        found.append("'payload.source' is missing or blank")
    if payload.get("severity") not in _SEVERITIES:
        found.append("'payload.severity' is invalid (must be one of the following: critical, ...)")
    if not isinstance(payload.get("custom_details", {}), dict):
        found.append("'payload.custom_details' is not an object")
    try:
        datetime.fromisoformat(payload.get("timestamp", "2026-01-01T00:00:00Z"))
    except (TypeError, ValueError):
        found.append("'payload.timestamp' is not a timestamp")
    return found


def _context_refusals(event: dict[str, Any]) -> list[str]:
    images, links = event.get("images", []), event.get("links", [])
    if not (isinstance(images, list) and isinstance(links, list)):
        return ["'images' and 'links' are lists"]
    found = []
    if not all(isinstance(i, dict) and _https(i.get("src")) for i in images):
        found.append("an image without an https 'src'")
    if not all(isinstance(link, dict) and _text(link.get("href"), 2048) for link in links):
        found.append("a link without 'href'")
    return found


def _text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= longest


def _https(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("https://")


def _integration(routing_key: str) -> str:
    return hashlib.sha256(routing_key.encode()).hexdigest()[:12]


def application() -> Starlette:
    """The API at ``/v2/enqueue``, and ``/control``."""
    account, lies = Account(), Lies()

    async def enqueue(request: Request) -> Response:
        body = await request.body()
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        found = [f"larger than {MAX_BYTES} bytes"] if len(body) > MAX_BYTES else refusals(event)
        if found:
            lies.record(request, 400)
            refused = {"status": "invalid event", "message": "Event object is invalid"}
            return JSONResponse({**refused, "errors": found}, status_code=400)
        if account.over_the_limit(event["routing_key"]):
            lies.record(request, 429)
            slow = {"status": "throttle exceeded", "message": "Requests came too quickly"}
            return JSONResponse(slow, 429, {"Retry-After": "60"})
        event.setdefault("dedup_key", uuid.uuid4().hex)

        def accepted() -> Response:
            done = {"status": "success", "message": "Event processed"}
            return JSONResponse({**done, "dedup_key": event["dedup_key"]}, status_code=202)

        def act() -> Response:
            account.take(event)
            return accepted()

        return await lies.answer(request, act, accepted)

    routes = [Route("/v2/enqueue", enqueue, methods=["POST"]), *lies.control(account.state)]
    return Starlette(routes=routes)


if __name__ == "__main__":
    serve(application())
