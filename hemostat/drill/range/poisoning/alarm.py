"""The monitor's alert: when it fires, repeats and resolves, and how it looks on the wire.

Law: pure. The wire format is Alertmanager's webhook, version 4 (its ``notify/webhook`` source).
One episode keeps one ``startsAt``; labels name the thing and stay the same throughout, numbers
are annotations. Everything a reader needs to judge is in the annotations, the shadow included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from hemostat.drill.range.alertmanager import RECEIVER, fingerprint
from hemostat.drill.range.poisoning.detection import Signals

ALERT_NAME: Final = "SentimentNegativeShareHigh"
_NOT_ENDED: Final = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Notice:
    """Something to tell: an episode that goes on, or one that is over."""

    status: Literal["firing", "resolved"]
    starts_at: datetime
    ends_at: datetime | None
    signals: Signals
    versions: tuple[str, ...]


class Alarm:
    """Decides what to tell from one look after another."""

    def __init__(self, repeat: timedelta, quiet_looks: int = 3) -> None:
        self._repeat = repeat
        self._quiet_looks = quiet_looks
        self._starts_at: datetime | None = None
        self._told_at: datetime | None = None
        self._quiet = 0

    @property
    def firing(self) -> bool:
        """Whether an episode goes on."""
        return self._starts_at is not None

    def look(self, at: datetime, signals: Signals, versions: tuple[str, ...]) -> Notice | None:
        """What to tell now: at once, then every ``repeat``, and when it has been quiet."""
        if signals.firing():
            self._quiet = 0
            self._starts_at = self._starts_at or at
            if self._told_at is not None and at - self._told_at < self._repeat:
                return None
            return Notice("firing", self._starts_at, None, signals, versions)
        if self._starts_at is None:
            return None
        self._quiet += not signals.triggered()
        if self._quiet < self._quiet_looks:
            return None
        return Notice("resolved", self._starts_at, at, signals, versions)

    def told(self, notice: Notice, at: datetime) -> None:
        """Record that ``notice`` arrived; one that did not is due again at the next look."""
        if notice.status == "firing":
            self._told_at = at
        else:
            self._starts_at, self._told_at, self._quiet = None, None, 0


def labels(model: str, service: str) -> dict[str, str]:
    """What the alert is about."""
    return {
        "alertname": ALERT_NAME,
        "model": model,
        "service": service,
        "severity": "critical",
    }


def annotations(signals: Signals, versions: tuple[str, ...]) -> dict[str, str]:
    """The numbers, as text, with the names of the playbook's sample."""
    stream = signals.stream
    numbers: dict[str, float] = {
        "neg_now": signals.negative_share,
        "neg_base": signals.base_share,
        "rise": signals.rise,
        "n": signals.n,
        "probe_drop": signals.probe_drop,
        "probe_flip": signals.probe_flips,
        "shadow_neg": signals.shadow_share,
        "shadow_rise": signals.shadow_rise,
        "shadow_disagreement": signals.shadow_disagreement,
        "shadow_agrees": signals.shadow_agrees,
        "feedback_volume_ratio": stream.volume_ratio,
        "feedback_top_accounts": stream.top_share,
        "feedback_young_accounts": stream.young_share,
        "feedback_near_duplicates": stream.near_duplicates,
    }
    return {
        **{name: f"{value:.4g}" for name, value in numbers.items()},
        "confirmed_by": ", ".join(signals.confirmations()),
        "version": ", ".join(versions),
        "summary": (
            f"Negative answers are at {signals.negative_share:.0%} of {signals.n}, "
            f"{signals.rise:+.0%} against a base of {signals.base_share:.0%}."
        ),
        "description": (
            f"The probe set lost {signals.probe_drop * 100:.1f} points of accuracy; the known-good "
            f"shadow answers {signals.shadow_share:.0%} negative on the same texts."
        ),
    }


def webhook(notice: Notice, about: Mapping[str, str], source_url: str) -> dict[str, Any]:
    """The body of one POST. ``source_url`` is where the numbers come from."""
    numbers = annotations(notice.signals, notice.versions)
    group = {"alertname": about["alertname"], "service": about["service"]}
    alert = {
        "status": notice.status,
        "labels": dict(about),
        "annotations": numbers,
        "startsAt": notice.starts_at.isoformat(),
        "endsAt": _NOT_ENDED if notice.ends_at is None else notice.ends_at.isoformat(),
        "generatorURL": source_url,
        "fingerprint": fingerprint(about),
    }
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": notice.status,
        "receiver": RECEIVER,
        "groupLabels": group,
        "commonLabels": dict(about),
        "commonAnnotations": numbers,
        "externalURL": source_url,
        "alerts": [alert],
    }


def exposition(signals: Signals, *, firing: bool) -> str:
    """The same numbers as Prometheus text, for those who alert from there."""
    stream = signals.stream
    gauges: dict[str, float] = {
        "sentiment_window_texts": signals.n,
        "sentiment_negative_share": signals.negative_share,
        "sentiment_negative_share_base": signals.base_share,
        "sentiment_probe_drop": signals.probe_drop,
        "sentiment_probe_flip_ratio": signals.probe_flips,
        "sentiment_shadow_negative_share": signals.shadow_share,
        "sentiment_shadow_disagreement": signals.shadow_disagreement,
        "sentiment_feedback_volume_ratio": stream.volume_ratio,
        "sentiment_feedback_top_accounts_share": stream.top_share,
        "sentiment_feedback_young_accounts_share": stream.young_share,
        "sentiment_feedback_near_duplicates_share": stream.near_duplicates,
        "sentiment_confirmations": len(signals.confirmations()),
        "sentiment_monitor_firing": firing,
    }
    lines = [f"# TYPE {name} gauge\n{name} {float(value):g}\n" for name, value in gauges.items()]
    return "".join(lines)
