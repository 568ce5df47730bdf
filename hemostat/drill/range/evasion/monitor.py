"""The monitor of the moderation range: looks twice a second, and tells Hemostat.

    python -m hemostat.drill.range.evasion.monitor SETTINGS_JSON

Law: it reads the platform's own numbers (audits, transforms, clusters), with a service account.
The base is what they were at its first look. What it sends is Alertmanager's webhook, version 4:
one episode keeps one ``startsAt``, repeated while it lasts, resolved when it has been quiet.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2

from hemostat.drill.range.alertmanager import RECEIVER, fingerprint
from hemostat.drill.range.evasion.detection import EvasionSignals, annotations
from hemostat.drill.range.pacing import turns

ALERT_NAME: Final = "ModerationFalseNegativeHigh"
SERVICE: Final = "image-moderation"
LABELS: Final = {
    "alertname": ALERT_NAME,
    "model": "moderation",
    "service": SERVICE,
    "severity": "critical",
}
_REPEAT_SECONDS: Final = 10.0
_QUIET_LOOKS: Final = 6
_NOT_ENDED: Final = "0001-01-01T00:00:00Z"

log = logging.getLogger("monitor")


class Episodes:
    """Decides what to tell from one look after another."""

    def __init__(self) -> None:
        self.started_at: datetime | None = None
        self._told_at: datetime | None = None
        self._flagged = 0
        self._quiet = 0

    def due(self, at: datetime, seen: EvasionSignals) -> str | None:
        """``firing``, ``resolved``, or None: nothing to tell now."""
        if seen.firing():
            self._quiet = 0
            self.started_at = self.started_at or at
            news = seen.flagged > self._flagged  # nobody waits with that for the next repeat
            told = self._told_at is not None
            if told and not news and (at - (self._told_at or at)).total_seconds() < _REPEAT_SECONDS:
                return None
            return "firing"
        if self.started_at is None:
            return None
        self._quiet += 1
        return "resolved" if self._quiet >= _QUIET_LOOKS else None

    def told(self, status: str, at: datetime, seen: EvasionSignals) -> None:
        """It arrived."""
        if status == "firing":
            self._told_at, self._flagged = at, seen.flagged
        else:
            self.started_at = self._told_at = None
            self._quiet = 0


def webhook(status: str, began: datetime, at: datetime, seen: EvasionSignals) -> dict[str, Any]:
    """The body of one POST."""
    numbers = annotations(seen)
    group = {"alertname": ALERT_NAME, "service": SERVICE}
    labels = dict(LABELS)
    if seen.flagged:
        labels["apparent_csam"] = "1"
    # The flag is no part of the identity: it is the same alert before and after.
    alert = {
        "status": status,
        "labels": labels,
        "annotations": numbers,
        "startsAt": began.isoformat(),
        "endsAt": _NOT_ENDED if status == "firing" else at.isoformat(),
        "generatorURL": "http://127.0.0.1/moderation",
        "fingerprint": fingerprint(LABELS),
    }
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": RECEIVER,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": numbers,
        "externalURL": "http://127.0.0.1/moderation",
        "alerts": [alert],
    }


async def watch(settings: dict[str, str]) -> None:
    """Look and tell until cancelled."""
    token = Path(settings["admin_token_file"]).read_text("utf-8").strip()
    bearer = Path(settings["webhook_token_file"]).read_text("utf-8").strip()
    episodes, base = Episodes(), None
    async with (
        httpx2.AsyncClient(
            base_url=settings["service_url"],
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=10,
        ) as service,
        httpx2.AsyncClient(
            headers={"authorization": f"Bearer {bearer}"}, trust_env=False, timeout=5
        ) as hook,
    ):
        async for _ in turns(2):
            try:
                found = (await service.get("/admin/signals")).raise_for_status().json()
                base = base or found
                seen = EvasionSignals.of(found, base["fn_rate"], base["transform_disagree"])
                at = datetime.now(UTC)
                status = episodes.due(at, seen)
                if status is None:
                    continue
                body = webhook(status, episodes.started_at or at, at, seen)
                answer = await hook.post(settings["webhook_url"], json=body)
                if answer.is_success:
                    log.info("told: %s", status)
                    episodes.told(status, at, seen)
                else:
                    log.warning("not told: %d", answer.status_code)
            except (httpx2.HTTPError, ValueError, KeyError) as error:
                log.warning("no look: %s", type(error).__name__)


def main() -> None:
    """Monitor until the process is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    asyncio.run(watch(json.loads(Path(sys.argv[1]).read_text("utf-8"))))


if __name__ == "__main__":
    main()
