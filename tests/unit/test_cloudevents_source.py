"""CloudEvents in each of their three modes: alerts, or a refusal that says where."""

import json
from typing import Any

import pytest

from hemostat.gateway.delivery import BrokenBody
from schemas.alert import Alert, AlertAction, AlertSeverity
from tests.senders import BATCH, STRUCTURED, batch, binary, event, read, structured


def one(**changes: Any) -> Alert:
    (made,) = read("cloudevents", structured(**changes), STRUCTURED).alerts
    return made


def refusal(body: bytes, media_type: str = STRUCTURED, **headers: str) -> str:
    with pytest.raises(BrokenBody) as caught:
        read("cloudevents", body, media_type, {f"ce-{n}": v for n, v in headers.items()})
    return f"{caught.value.what}; {caught.value.next_step}"


def test_an_event_of_a_guard_is_read_whole() -> None:
    made = one()
    assert made.title == "prompt injection blocked"
    assert made.severity is AlertSeverity.HIGH
    assert made.kind == "com.example.guard.blocked"
    assert made.labels == {
        "type": "com.example.guard.blocked",
        "source": "/guards/eu-1",
        "subject": "assistant",
        "time": "2026-11-23T07:29:59Z",
        "traceparent": "00-0af7",
        "detector": "prompt_attack",
    }
    assert made.evidence == {"score": 0.98, "requests": 14.0}
    assert made.links == ("https://guard.example/results/e-1",)
    assert made.started_at is not None


def test_the_three_modes_say_the_same() -> None:
    body, headers = binary()
    in_binary = read("cloudevents", body, "application/json", headers)
    in_batch = read("cloudevents", batch(event()), BATCH)
    in_one = read("cloudevents", structured(), STRUCTURED)
    assert in_binary.delivery_key == in_batch.delivery_key == in_one.delivery_key
    left_out = {"raw"}
    told = [n.alerts[0].model_dump(exclude=left_out) for n in (in_binary, in_batch, in_one)]
    assert told[0] == told[1] == told[2]


def test_headers_of_binary_mode_are_percent_decoded() -> None:
    body, headers = binary(subject="%E2%82%AC %22x%22 %FF")
    (made,) = read("cloudevents", body, "application/json", headers).alerts
    assert made.labels["subject"] == '€ "x" \ufffd'


def test_source_and_id_name_an_event_whatever_else_it_says() -> None:
    key = read("cloudevents", structured(), STRUCTURED).delivery_key
    assert read("cloudevents", structured(data=None), STRUCTURED).delivery_key == key
    assert read("cloudevents", structured(id="e-2"), STRUCTURED).delivery_key != key
    assert read("cloudevents", structured(source="/other"), STRUCTURED).delivery_key != key


def test_an_event_that_names_no_episode_is_one() -> None:
    first, second = one(), one(id="e-2")
    assert first.alert_key == second.alert_key
    assert first.episode_key != second.episode_key


def test_what_is_resolved_ends_the_episode_that_it_names() -> None:
    fired = one(data={"alert": "injection", "episode": "9"})
    ended = one(id="e-2", type="x", data={"alert": "injection", "episode": 9, "status": "resolved"})
    assert ended.action is AlertAction.CLOSE
    assert ended.episode_key == fired.episode_key
    assert ended.ended_at is not None
    assert ended.started_at is None


def test_labels_of_the_data_do_not_stand_in_for_attributes_of_the_event() -> None:
    assert one(data={"labels": {"type": "other", "a": None}}).labels["type"] == (
        "com.example.guard.blocked"
    )


@pytest.mark.parametrize("data", [None, "text", 7, [1, {"status": "resolved"}], {}])
def test_data_of_any_other_shape_is_kept_and_not_read(data: Any) -> None:
    made = one(data=data)
    assert made.title == "com.example.guard.blocked: assistant"
    assert made.severity is AlertSeverity.LOW


def test_data_in_base64_is_not_read() -> None:
    made = event(data_base64="not base64")
    del made["data"]
    assert len(read("cloudevents", json.dumps(made).encode(), STRUCTURED).alerts) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"specversion": "0.3"}, "`specversion` is not 1.0"),
        ({"id": ""}, "`id` is missing"),
        ({"source": 7}, "`source` is missing"),
        ({"type": "t" * 1025}, "`type` is missing or longer than 1024"),
        ({"time": "<b>now</b>"}, "`time` is not a time"),
        ({"data_base64": "AA=="}, "`data` and `data_base64` are both there"),
        ({"data": {"status": ["resolved"]}}, "`data.status` is none of firing, updated, resolved"),
        ({"data": {"status": "resolved"}}, "`data.episode` is missing"),
        ({"data": {"labels": [1]}}, "`data.labels` is not an object"),
        ({"data": {"evidence": "x"}}, "`data.evidence` is not an object"),
        ({"data": {"links": "x"}}, "`data.links` is not a list"),
        ({"data": {"started_at": "x"}}, "`data.started_at` is not a time"),
    ],
)
def test_a_broken_event_is_refused_with_what_was_wrong(changes: Any, said: str) -> None:
    shown = refusal(structured(**changes))
    assert said in shown
    assert "<b>" not in shown


def test_a_batch_is_refused_whole_with_the_place_of_what_is_wrong() -> None:
    assert "`[1].id` is missing" in refusal(batch(event(), event(id=None)), BATCH)
    assert "not a list of objects" in refusal(batch(1), BATCH)
    assert "not a list of objects" in refusal(structured(), BATCH)
    assert "more than 1000" in refusal(batch(*[{}] * 1001), BATCH)
    assert read("cloudevents", b"[]", BATCH).alerts == ()


def test_what_is_no_event_is_refused_with_how_to_send_one() -> None:
    assert "application/cloudevents+json" in refusal(b"{}", "application/json")
    assert "not JSON" in refusal(b"<xml/>", STRUCTURED)
    assert "not JSON" in refusal(b"<xml/>", "application/json", specversion="1.0")
    assert "`ce-id` is missing" in refusal(b"", "text/plain", specversion="1.0")
