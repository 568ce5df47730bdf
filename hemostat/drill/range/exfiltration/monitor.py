"""The data-loss monitor: looks for canaries in answers and alerts in Alertmanager's format.

    python -m hemostat.drill.range.exfiltration.monitor SETTINGS

Law: reads the assistant's log as the security team's tool would; names the caller by the opaque id
of the key. One alert a caller, fired at the first canary and repeated while more come.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2

from hemostat.drill.range.alertmanager import RECEIVER, fingerprint
from hemostat.drill.range.pacing import turns

ALERT_NAME: Final = "AssistantCanaryLeaked"
_NOT_ENDED: Final = "0001-01-01T00:00:00Z"


class Monitor:
    """What was seen so far, by caller."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        marks = json.loads(Path(settings["marks"]).read_text(encoding="utf-8"))
        self._canaries: dict[str, str] = marks["canaries"]
        self._seen: dict[str, set[str]] = {}
        self._began: dict[str, str] = {}
        self._after = 0

    async def run(self) -> None:
        """Look and tell until cancelled."""
        token = Path(self._settings["admin_token_file"]).read_text(encoding="utf-8").strip()
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            async for _ in turns(2):
                try:
                    url = f"{self._settings['assistant']}/admin/log"
                    params = {"after": self._after}
                    answer = await http.get(url, params=params, headers=headers)
                    for caller in self._look(answer.raise_for_status().json()["rows"]):
                        await self._tell(http, caller)
                except httpx2.HTTPError:
                    continue

    def _look(self, rows: list[dict[str, Any]]) -> list[str]:
        found = []
        for row in rows:
            self._after = row["id"]
            hits = {d for d, canary in self._canaries.items() if canary in row["answer"]}
            seen = self._seen.setdefault(row["caller"], set())
            if hits - seen:
                seen |= hits
                self._began.setdefault(row["caller"], row["at"])
                found.append(row["caller"])
        return list(dict.fromkeys(found))

    async def _tell(self, http: httpx2.AsyncClient, caller: str) -> None:
        token = Path(self._settings["alert_token_file"]).read_text(encoding="utf-8").strip()
        body = alert(caller, self._began[caller], len(self._seen[caller]))
        headers = {"authorization": f"Bearer {token}"}
        await http.post(self._settings["webhook"], json=body, headers=headers)


def alert(caller: str, began: str, canaries: int) -> dict[str, Any]:
    """The body of one POST (Alertmanager webhook, version 4)."""
    labels = {
        "alertname": ALERT_NAME,
        "service": "assistant",
        "caller": caller,
        "severity": "critical",
    }
    notes = {
        "summary": "A canary of a confidential document left in an answer",
        "canaries": str(canaries),
        "seen_at": datetime.now(UTC).isoformat(),
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{ALERT_NAME}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": RECEIVER,
        "groupLabels": {"alertname": ALERT_NAME},
        "commonLabels": labels,
        "commonAnnotations": notes,
        "externalURL": "",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": notes,
                "startsAt": began,
                "endsAt": _NOT_ENDED,
                "generatorURL": "",
                "fingerprint": fingerprint(labels),
            }
        ],
    }


if __name__ == "__main__":
    asyncio.run(Monitor(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).run())
