"""What a system answers is read once for all adapters: no encoding and no number gets past it."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from activities.parts.http import Answer
from activities.parts.sight import Sight
from schemas.canonical import canonical_json
from schemas.errors import NotWatching, SystemUnreachable


def answer(body: bytes) -> Answer:
    return Answer("model service", 200, httpx2.Headers(), body)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd\ufffd\ufffd"}),  # half a pair, as raw bytes
        (b'{"a": "\\ud800"}', {"a": "?"}),  # half a pair, escaped
        (b'{"a": "caf\xe9"}', {"a": "caf\ufffd"}),  # Latin-1 that says nothing of it
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),  # with a byte order mark
        (b'{"a": 9007199254740993}', {"a": 9007199254740992.0}),
    ],
)
def test_what_can_be_read_is_read_and_can_be_kept(body: bytes, read: Any) -> None:
    found = answer(body).json()
    assert found == read
    json.dumps(found, ensure_ascii=False).encode()
    canonical_json(found)


@pytest.mark.parametrize(
    "body",
    [
        '{"a": "b"}'.encode("utf-16"),
        '{"a": "\\ud800"}'.encode("utf-32"),
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 400 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": NaN}',
        b"[" * 100_000,
        b"<html>",
        b"",
    ],
    ids=[
        "UTF-16",
        "UTF-32",
        "no float",
        "no integer",
        "too long",
        "NaN",
        "too deep",
        "HTML",
        "none",
    ],
)
def test_what_nothing_can_carry_is_no_answer(body: bytes) -> None:
    with pytest.raises(SystemUnreachable, match="not JSON"):
        answer(body).json()


def test_who_sees_nothing_for_long_is_not_watching() -> None:
    now = [0.0]
    sight = Sight("model registry", timedelta(minutes=15), clock=lambda: now[0])
    for moment in (0.0, 500.0, 899.0):
        now[0] = moment
        sight.missed()
    sight.saw()
    now[0] = 1000.0
    sight.missed()  # counted anew
    now[0] = 1900.0
    with pytest.raises(NotWatching, match=r"for 900 s\. Next: ") as caught:
        sight.missed()
    assert not caught.value.retryable
