"""The monitor's episodes, and their wire format."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hemostat.drill.range.alertmanager import fingerprint
from hemostat.drill.range.poisoning.alarm import Alarm, Notice, exposition, labels, webhook
from hemostat.drill.range.poisoning.detection import Signals, Stream

T0 = datetime(2026, 11, 22, 9, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BAD = Signals(
    n=600,
    negative_share=0.58,
    base_share=0.38,
    probe_drop=0.2,
    probe_flips=0.2,
    shadow_share=0.37,
    shadow_disagreement=0.22,
    stream=Stream(500, 90.0, 0.02, 0.97, 0.6),
)
GOOD = replace(BAD, negative_share=0.38, probe_drop=0.0, probe_flips=0.0)


def alarm() -> Alarm:
    return Alarm(timedelta(seconds=15), quiet_looks=3)


def test_a_quiet_service_tells_nothing() -> None:
    assert alarm().look(T0, GOOD, ("3",)) is None


def test_the_first_bad_look_is_told_at_once_and_repeated_in_time() -> None:
    monitor = alarm()
    first = monitor.look(T0, BAD, ("7",))
    assert first is not None
    assert first.status == "firing"
    monitor.told(first, T0)
    assert monitor.look(T0 + SECOND, BAD, ("7",)) is None
    again = monitor.look(T0 + 15 * SECOND, BAD, ("8",))
    assert again is not None
    assert again.starts_at == T0


def test_what_did_not_arrive_is_told_again_at_the_next_look() -> None:
    monitor = alarm()
    assert monitor.look(T0, BAD, ("7",)) is not None
    again = monitor.look(T0 + SECOND, BAD, ("7",))
    assert again is not None
    assert again.starts_at == T0


def test_an_episode_is_resolved_after_three_quiet_looks_and_the_next_one_is_new() -> None:
    monitor = alarm()
    first = monitor.look(T0, BAD, ("7",))
    assert first is not None
    monitor.told(first, T0)
    assert monitor.look(T0 + SECOND, GOOD, ("3",)) is None
    assert monitor.look(T0 + 2 * SECOND, GOOD, ("3",)) is None
    over = monitor.look(T0 + 3 * SECOND, GOOD, ("3",))
    assert over is not None
    assert (over.status, over.starts_at, over.ends_at) == ("resolved", T0, T0 + 3 * SECOND)
    monitor.told(over, T0 + 3 * SECOND)
    assert not monitor.firing
    later = monitor.look(T0 + 9 * SECOND, BAD, ("9",))
    assert later is not None
    assert later.starts_at == T0 + 9 * SECOND


def test_a_resolve_that_did_not_arrive_is_told_again() -> None:
    monitor = alarm()
    first = monitor.look(T0, BAD, ("7",))
    assert first is not None
    monitor.told(first, T0)
    looks = [monitor.look(T0 + n * SECOND, GOOD, ("3",)) for n in range(1, 5)]
    assert [look is not None for look in looks] == [False, False, True, True]


def test_a_high_share_that_is_no_longer_confirmed_does_not_resolve() -> None:
    monitor = alarm()
    first = monitor.look(T0, BAD, ("7",))
    assert first is not None
    monitor.told(first, T0)
    unconfirmed = replace(GOOD, negative_share=0.58)
    for n in range(1, 9):
        unsure = replace(unconfirmed, shadow_disagreement=0.0, stream=Stream(0, 0.0, 0.0, 0.0, 0.0))
        assert monitor.look(T0 + n * SECOND, unsure, ("3",)) is None
    assert monitor.firing


def body(status: str = "firing") -> dict[str, Any]:
    ends = None if status == "firing" else T0 + SECOND
    notice = Notice("firing" if ends is None else "resolved", T0, ends, BAD, ("7",))
    made = webhook(notice, labels("sentiment", "sentiment-api"), "http://127.0.0.1:1/metrics")
    whole: dict[str, Any] = json.loads(json.dumps(made))
    return whole


def test_the_webhook_is_alertmanagers_version_four() -> None:
    sent = body()
    assert sent["version"] == "4"
    assert sent["status"] == "firing"
    (alert,) = sent["alerts"]
    assert alert["labels"] == {
        "alertname": "SentimentNegativeShareHigh",
        "model": "sentiment",
        "service": "sentiment-api",
        "severity": "critical",
    }
    assert alert["startsAt"] == "2026-11-22T09:04:00+00:00"
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert alert["annotations"]["n"] == "600"
    assert alert["annotations"]["neg_base"] == "0.38"
    assert alert["annotations"]["shadow_agrees"] == "0.78"
    assert alert["annotations"]["confirmed_by"] == "probe, shadow, feedback"


def test_a_resolved_webhook_keeps_fingerprint_and_start() -> None:
    (fired,), (resolved,) = body()["alerts"], body("resolved")["alerts"]
    assert resolved["status"] == "resolved"
    assert resolved["endsAt"] == "2026-11-22T09:04:01+00:00"
    assert resolved["fingerprint"] == fired["fingerprint"]
    assert resolved["startsAt"] == fired["startsAt"]


def test_the_fingerprint_depends_on_labels_only_and_not_on_their_order() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1", "b": "2"}) != fingerprint({"a": "12", "b": ""})


def test_the_exposition_has_a_type_and_a_number_for_each_gauge() -> None:
    lines = exposition(BAD, firing=True).splitlines()
    assert "sentiment_negative_share 0.58" in lines
    assert "sentiment_monitor_firing 1" in lines
    assert len(lines) % 2 == 0
    assert all(line.startswith("# TYPE sentiment_") for line in lines[::2])
