"""Slack's interactions: whether Slack sent it, now and once, and which button was pressed.

    X-Slack-Request-Timestamp: SECONDS
    X-Slack-Signature: v0=HEX          HMAC-SHA256 of "v0:SECONDS:" and the body's bytes

Law: a button carries no authority. The link needs nothing of us; "I am on it" becomes an answer to
a page, which the incident judges by who pressed it. A second click is the same answer or one that
changes nothing.

Contract: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic_core import from_json

from schemas.page_answer import Answered, PageAnswer

TOLERANCE: Final = timedelta(seconds=300)
ACKNOWLEDGE: Final = "hemostat_acknowledge"
_VALUE: Final = re.compile(r"((?:drill-)?[a-z0-9][a-z0-9-]{0,120}-[0-9a-f]{12})/([a-z0-9-]{0,63})")
_USER: Final = re.compile(r"[UW][A-Z0-9]{2,30}")


class Refused(Exception):
    """It is not from Slack, not of now, or it came before; the message says which, no more."""


class SlackSignatures:
    """The signing secret of one app, and the requests that were taken."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._spent: dict[str, datetime] = {}

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Return if Slack sent it within five minutes and it is new. Raises :class:`Refused`."""
        moment = headers.get("x-slack-request-timestamp", "")
        given = headers.get("x-slack-signature", "")
        expected = signature(self._secret, moment, body)
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise Refused("the signature is missing or wrong")
        if not moment.isdecimal() or not moment.isascii() or len(moment) > 12:
            raise Refused("the signature's time is no time")
        if abs(now.timestamp() - int(moment)) > TOLERANCE.total_seconds():
            raise Refused("the signature is too old or from the future")
        if given in self._spent:
            raise Refused("this was taken before")

    def spend(self, headers: Mapping[str, str], now: datetime) -> None:
        """Note that it was taken."""
        self._spent = {s: at for s, at in self._spent.items() if now - at <= 2 * TOLERANCE}
        self._spent[headers.get("x-slack-signature", "")] = now


def signature(secret: str, moment: str, body: bytes) -> str:
    """Return the header's value for *body* signed at *moment*."""
    signed = b"v0:" + moment.encode("utf-8", "replace") + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def acknowledgements(body: bytes, people: Mapping[str, str]) -> Iterator[tuple[str, PageAnswer]]:
    """Yield incident and answer for each of our buttons that was pressed; *people* by Slack id."""
    payload = _payload(body)
    user = _part(payload, "user").get("id")
    if payload.get("type") != "block_actions" or not _matches(_USER, user):
        return
    actions, at = payload.get("actions"), _part(payload, "container").get("message_ts")
    for action in actions[:10] if isinstance(actions, list) else ():
        value = action.get("value") if isinstance(action, dict) else None
        named = _VALUE.fullmatch(value) if isinstance(value, str) else None
        if named is None or action.get("action_id") != ACKNOWLEDGE or not named[2]:
            continue
        click = f"{at} {ACKNOWLEDGE} {user} {value}"  # without action_ts: two clicks are one answer
        yield (
            named[1],
            PageAnswer(
                answer_id=hashlib.sha256(click.encode("utf-8", "replace")).hexdigest(),
                via="slack",
                what=Answered.ACKNOWLEDGED,
                gate=named[2],
                by=user,
                person=people.get(str(user)),
            ),
        )


def _payload(body: bytes) -> dict[str, Any]:
    try:
        fields = dict(parse_qsl(body.decode("utf-8"), max_num_fields=10, strict_parsing=True))
        payload = from_json(fields.get("payload", ""), allow_inf_nan=False)
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}


def _part(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
