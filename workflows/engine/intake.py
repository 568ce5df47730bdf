"""Alerts of one incident: each delivery counted once, each alert recorded, each episode known."""

from datetime import datetime
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from schemas.alert import GAPS, Alert, AlertAction, AlertBatch, episode_mark
from schemas.base import Frozen, Utc
from schemas.evidence import Gap
from schemas.journal import Kind
from workflows.engine import commands
from workflows.engine.record import Record

DELIVERIES_KNOWN = 20_000
EPISODES_KNOWN = 5_000
"""How many are told apart, the newest: what a new run can be handed has a limit. The journal has
every alert."""


HEARD, NAMES, LETTERS = 20, 16, 128
"""How many alerts are remembered with what they told, how much of each, and how long a name."""


_GAPS = TypeAdapter(tuple[Gap, ...])


class Heard(Frozen):
    """What one alert told, in short: the journal and the vault have all of it."""

    received_at: Utc
    labels: dict[str, str]
    evidence: dict[str, float]

    @classmethod
    def of(cls, alert: Alert) -> "Heard":
        """Keep what fits."""
        short = {k: v for k, v in alert.labels.items() if len(k) + len(v) <= LETTERS}
        return cls(
            received_at=alert.received_at,
            labels=dict(list(short.items())[:NAMES]),
            evidence=dict(list(alert.evidence.items())[:NAMES]),
        )


class Intake:
    """What the alerts have told so far."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._seen: dict[str, None] = {}
        self._fires: dict[str, bool] = {}
        self._ended: dict[str, bool] = {}
        """By the mark of an episode: whether its beginning was heard of, and whether its end."""
        self._first: Alert | None = None
        self.heard: list[Heard] = []
        """The first alerts of different names, for those who must know what each one told."""
        self._names: set[str] = set()
        self.count = 0
        self.unanswered = False
        """A firing arrived that no response has looked at yet."""

    def receive(self, raw: object) -> tuple[Gap, ...]:
        """Take one ``alert`` signal; what cannot be read is recorded, never raised.

        Returns what the gateway declares missing: bodies that the vault did not take.
        """
        try:
            batch = AlertBatch.model_validate(raw)
        except ValidationError as error:
            wrong = [".".join(str(part) for part in e["loc"])[:60] for e in error.errors()[:8]]
            self._record.write(
                Kind.REFUSED, "An alert signal could not be read", data={"fields": list(wrong)}
            )
            return ()
        for alert in batch.alerts:
            self._take(alert)
        return declared(batch)

    def _take(self, alert: Alert) -> None:
        mark = episode_mark(f"{alert.delivery_key}/{alert.alert_key}")[:16]
        if mark in self._seen:
            return
        self._seen[mark] = None
        self.count += 1
        if self._first is None or _rank(alert) < _rank(self._first):
            self._first = alert
        self._hear(alert)
        episode = episode_mark(alert.episode_key)
        if alert.action is AlertAction.CLOSE:
            self._fires.setdefault(episode, False)
            self._ended[episode] = True
        elif not self._fires.get(episode):
            self._fires[episode] = self.unanswered = True  # also when its end overtook it
        self._forget_the_oldest()
        self._record.write(
            Kind.ALERT,
            f"Alert {alert.action.value} from {alert.source}, {alert.severity.value}",
            data={
                "source": alert.source,
                "action": alert.action.value,
                "severity": alert.severity.value,
                "title": alert.title,
                "episode": episode,
                "delivery": alert.delivery_key,
                "raw": alert.raw.digest,
                "received_at": alert.received_at.isoformat(),
            },
        )

    def _hear(self, alert: Alert) -> None:
        name = episode_mark(alert.alert_key)[:16]
        fires = alert.action is not AlertAction.CLOSE
        if fires and name not in self._names and len(self.heard) < HEARD:
            self._names.add(name)
            self.heard.append(Heard.of(alert))

    def _forget_the_oldest(self) -> None:
        if len(self._seen) > DELIVERIES_KNOWN:
            self._seen.pop(next(iter(self._seen)))
        if len(self._fires) > EPISODES_KNOWN:
            oldest = next(iter(self._fires))
            self._fires.pop(oldest)
            self._ended.pop(oldest, None)

    @property
    def firing(self) -> int:
        """How many known episodes have fired and not ended."""
        return sum(fires and episode not in self._ended for episode, fires in self._fires.items())

    @property
    def only_ends(self) -> bool:
        """Whether nothing but ends of episodes arrived: an end before its beginning."""
        return bool(self._fires) and not any(self._fires.values())

    def first_firing(self) -> Alert | None:
        """The earliest alert that says something fires, else the earliest; None: none was legible.

        An incident whose alert could not be read is an incident all the same.
        """
        return self._first

    def episodes(self) -> list[str]:
        """The marks of all episodes handled, for the memo of a closed incident."""
        return list(self._fires)

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "seen": list(self._seen),
            "fires": dict(self._fires),
            "ended": list(self._ended),
            "first": self._first.model_dump(mode="json") if self._first else None,
            "count": self.count,
            "unanswered": self.unanswered,
            "names": list[JsonValue](sorted(self._names)),
            "heard": [heard.model_dump(mode="json") for heard in self.heard],
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._seen = dict.fromkeys(dumped["seen"])
        self._fires, self._ended = dict(dumped["fires"]), dict.fromkeys(dumped["ended"], True)
        self._first = Alert.model_validate(dumped["first"]) if dumped["first"] else None
        self.count, self.unanswered = dumped["count"], dumped["unanswered"]
        self._names = set(dumped.get("names", ()))
        self.heard = [Heard.model_validate(heard) for heard in dumped.get("heard", ())]


def declared(batch: AlertBatch) -> tuple[Gap, ...]:
    """Return the gaps that a batch declares, as far as they can be read."""
    try:
        return _GAPS.validate_python(batch.extra.get(GAPS, ()))
    except ValidationError:
        return ()


def _rank(alert: Alert) -> tuple[bool, datetime]:
    return alert.action is AlertAction.CLOSE, alert.started_at or alert.received_at


async def wait_for_firing(intake: Intake, patience: float) -> bool:
    """Wait until something fires, at most *patience* seconds; an end may overtake its beginning."""
    try:
        await commands.until(
            lambda: intake.unanswered, within=patience, summary="end before its beginning"
        )
    except TimeoutError:
        return False
    return True
