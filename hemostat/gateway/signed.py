"""Who wrote it: a report signed by its reporter's own secret, at a time that is now, once.

    X-Report-Reporter: NAME          who signs, as [sources.NAME.reporters] knows them
    X-Report-Timestamp: SECONDS      since 1970
    X-Report-Signature: v1=HEX       HMAC-SHA256 of "v1:SECONDS:" and the body's bytes

(The shape of Slack's and others' signatures.) A signature is good within five minutes of its time.
One that was accepted is refused the next time; what a gateway that was restarted lets through again
is the same delivery to the incident, which counts it once.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from schemas.alert import Authenticity

TOLERANCE: Final = timedelta(minutes=5)


class Refused(Exception):
    """The signature does not hold; the message says why and shows nothing."""


class SignedReports:
    """The reporters of one source and the signatures that were spent."""

    def __init__(self, source: str, secrets: Mapping[str, str]) -> None:
        self._source = source
        self._secrets = dict(secrets)
        self._spent: dict[str, datetime] = {}

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Authenticity:
        """Return how the report proves its reporter. Raises :class:`Refused`."""
        reporter = headers.get("x-report-reporter", "")
        moment = headers.get("x-report-timestamp", "")
        given = headers.get("x-report-signature", "")
        # An unknown reporter costs the same work as a known one.
        expected = signature(self._secrets.get(reporter, ""), moment, body)
        same = hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        if not same or reporter not in self._secrets:
            raise Refused("the signature is missing or wrong")
        if not moment.isdecimal() or not moment.isascii() or len(moment) > 12:
            raise Refused("the signature's time is no time")
        if abs(now.timestamp() - int(moment)) > TOLERANCE.total_seconds():
            raise Refused("the signature is too old or from the future")
        if given in self._spent:
            raise Refused("this report was accepted before")
        return Authenticity(scheme="hmac-sha256", key_id=f"{self._source}/{reporter}")

    def was_taken(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether it is to be answered without being taken: never, a replay is refused."""
        return False

    def spend(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Note that the report was accepted; a sender that got no answer may send it again."""
        self._spent = {s: at for s, at in self._spent.items() if now - at <= 2 * TOLERANCE}
        self._spent[headers.get("x-report-signature", "")] = now


def signature(secret: str, moment: str, body: bytes) -> str:
    """Return the header's value for *body* signed at *moment*."""
    signed = b"v1:" + moment.encode("utf-8", "replace") + b":" + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
