"""PagerDuty's V3 webhooks: who sent it, whether it came before, and whether it is our own page.

    X-PagerDuty-Signature: v1=HEX,v1=HEX     HMAC-SHA256 of the body's bytes, one for each secret

There is no time in a signature: a delivery is known again by its event's id, which is in the signed
body. (The header X-Webhook-Id is not signed.) What the restart of a gateway forgets, an incident
knows: it takes an answer once, and counts a delivery once.

Contract: https://developer.pagerduty.com/docs/webhooks-overview
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from schemas.alert import Authenticity
from schemas.page_answer import Answered, PageAnswer

REMEMBERED: Final = 20_000
_MOST_SIGNATURES: Final = 16
_OURS: Final = re.compile(r"((?:drill-)?[a-z0-9][a-z0-9-]{0,120}-[0-9a-f]{12})(?:/.*)?", re.DOTALL)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANSWERS: Final = {
    "incident.acknowledged": Answered.ACKNOWLEDGED,
    "incident.resolved": Answered.RESOLVED,
}


class Refused(Exception):
    """The signature does not hold; the message says why and shows nothing."""


@dataclass(frozen=True)
class Ours:
    """An event about a page that we sent; *answer* is None where it tells us nothing new."""

    incident: str
    answer: PageAnswer | None


class PagerDutyWebhooks:
    """One subscription: its secrets, and the events that were taken."""

    def __init__(self, source: str, secrets: Sequence[str]) -> None:
        self._source = source
        self._secrets = [secret.encode() for secret in secrets]
        self._taken: OrderedDict[str, None] = OrderedDict()

    def verify(self, headers: Mapping[str, str], body: bytes) -> Authenticity:
        """Return which secret signed it. Raises :class:`Refused`."""
        given = headers.get("x-pagerduty-signature", "").split(",")[:_MOST_SIGNATURES]
        signatures = [one.strip().encode("utf-8", "replace") for one in given]
        held = [
            any(hmac.compare_digest(signature(secret, body), one) for one in signatures)
            for secret in self._secrets
        ]
        if not any(held):
            raise Refused("the signature is missing or wrong")
        key = held.index(True) + 1
        return Authenticity(scheme="pagerduty-v1", key_id=f"{self._source}/{key}")

    def was_taken(self, event_id: str) -> bool:
        """Whether this event was accepted before."""
        return event_id in self._taken

    def take(self, event_id: str) -> None:
        """Note that it was accepted; a sender that got no answer may send it again."""
        self._taken[event_id] = None
        while len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)


def signature(secret: bytes, body: bytes) -> bytes:
    """Return one value of the header for *body*."""
    return b"v1=" + hmac.new(secret, body, hashlib.sha256).hexdigest().encode()


def event_in(body: bytes) -> dict[str, Any] | None:
    """Return the event of a delivery; None if it is none."""
    try:
        read = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    event = read.get("event") if isinstance(read, dict) else None
    named = isinstance(event, dict) and all(
        isinstance(event.get(field), str) for field in ("id", "event_type")
    )
    return event if named else None


def ours_in(event: Mapping[str, Any], people: Mapping[str, str]) -> Ours | None:
    """Return what *event* says of a page of ours; None if it is not about one.

    Our pages come back as PagerDuty's incidents, under our own key: as alerts they would go round
    for ever. *people* are the ids of ours by theirs.
    """
    data = event.get("data")
    key = data.get("incident_key") if isinstance(data, dict) else None
    named = _OURS.fullmatch(key) if isinstance(key, str) and len(key) <= 255 else None
    if named is None:
        return None
    what = _ANSWERS.get(event["event_type"])
    event_id = str(event["id"])
    if what is None or not 1 <= len(event_id) <= 128:
        return Ours(named[1], None)
    agent = event.get("agent")
    by = agent.get("id") if isinstance(agent, dict) else None
    by = by if isinstance(by, str) and _ID.fullmatch(by) else None
    answer = PageAnswer(
        answer_id=event_id,
        via="pagerduty",
        what=what,
        page=str(key),
        by=by,
        person=people.get(by) if by else None,
    )
    return Ours(named[1], answer)
