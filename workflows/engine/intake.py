"""Alerts of one incident: each delivery counted once, each alert recorded, each episode known."""

from typing import Any

from pydantic import JsonValue, ValidationError
from temporalio import workflow

from schemas.alert import Alert, AlertAction, AlertBatch, episode_mark
from schemas.journal import Kind
from workflows.engine.record import Record

KEPT_WHOLE = 50
"""How many alerts stay in memory with their text; the journal has every one."""


class Intake:
    """What the alerts have told so far."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._seen: dict[str, None] = {}
        self._firing: dict[str, bool] = {}
        self.alerts: list[Alert] = []
        self.count = 0
        self.unanswered = False
        """A firing arrived that no response has looked at yet."""

    def receive(self, raw: object) -> None:
        """Take one ``alert`` signal; what cannot be read is recorded, never raised."""
        try:
            batch = AlertBatch.model_validate(raw)
        except ValidationError as error:
            wrong = [".".join(str(part) for part in e["loc"])[:60] for e in error.errors()[:8]]
            self._record.write(
                Kind.REFUSED, "An alert signal could not be read", data={"fields": list(wrong)}
            )
            return
        for alert in batch.alerts:
            self._take(alert)

    def _take(self, alert: Alert) -> None:
        mark = f"{alert.delivery_key}/{alert.alert_key}"
        if mark in self._seen:
            return
        self._seen[mark] = None
        self.count += 1
        if len(self.alerts) < KEPT_WHOLE:
            self.alerts.append(alert)
        fires = alert.action is not AlertAction.CLOSE
        if not fires:
            self._firing[alert.episode_key] = False
        elif alert.episode_key not in self._firing:
            self._firing[alert.episode_key] = True
            self.unanswered = True
        self._record.write(
            Kind.ALERT,
            f"Alert {alert.action.value} from {alert.source}, {alert.severity.value}",
            data={
                "source": alert.source,
                "action": alert.action.value,
                "severity": alert.severity.value,
                "title": alert.title,
                "episode": episode_mark(alert.episode_key),
                "delivery": alert.delivery_key,
                "raw": alert.raw.digest,
                "received_at": alert.received_at.isoformat(),
            },
        )

    @property
    def firing(self) -> bool:
        """Whether any known episode has fired and not ended."""
        return any(self._firing.values())

    @property
    def only_ends(self) -> bool:
        """Whether nothing but ends of episodes arrived: an end before its beginning."""
        return bool(self._firing) and not self.firing and not self.unanswered

    def first_firing(self) -> Alert:
        """The earliest alert that says something fires, else the earliest of all."""
        fires = [a for a in self.alerts if a.action is not AlertAction.CLOSE]
        return min(fires or self.alerts, key=lambda a: a.started_at or a.received_at)

    def episodes(self) -> list[str]:
        """The marks of all episodes handled, for the memo of a closed incident."""
        return [episode_mark(key) for key in self._firing]

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "seen": list(self._seen),
            "firing": dict(self._firing),
            "alerts": [alert.model_dump(mode="json") for alert in self.alerts],
            "count": self.count,
            "unanswered": self.unanswered,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._seen = dict.fromkeys(dumped["seen"])
        self._firing = dict(dumped["firing"])
        self.alerts = [Alert.model_validate(alert) for alert in dumped["alerts"]]
        self.count, self.unanswered = dumped["count"], dumped["unanswered"]


async def wait_for_firing(intake: Intake, patience: float) -> bool:
    """Wait until something fires, at most *patience* seconds; an end may overtake its beginning."""
    try:
        await workflow.wait_condition(
            lambda: intake.unanswered, timeout=patience, timeout_summary="end before its beginning"
        )
    except TimeoutError:
        return False
    return True
