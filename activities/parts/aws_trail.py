"""What CloudTrail has of some principals' keys, and in so many words what it has not.

Law: what is missing is declared, each lack with its reason; a trail that cannot be read does not
keep the rest from being sealed. CloudTrail allows two look-ups a second, so throttling is waited
out for a while. Needs ``cloudtrail:LookupEvents``.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from activities.parts.aws_client import in_our_words
from schemas.errors import HemostatError, SystemUnreachable
from schemas.evidence import Gap

_PAGES_AT_MOST: Final = 40
"""Pages for one key or principal, newest first; 50 events each."""
_PATIENCE: Final = timedelta(seconds=20)
"""For how long in all a trail that does not answer is asked again."""
_PAUSE_SECONDS: Final = 1.0
_LATE: Final = timedelta(minutes=15)
"""CloudTrail delivers an event within about this time (AWS CloudTrail User Guide)."""

NAME: Final = "cloud audit trail"


@dataclass
class Trail:
    """The events, oldest first, and what is missing."""

    events: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def read_trail(
    client: Any,
    keys: Mapping[str, Sequence[str]],
    *,
    since: datetime,
    now: datetime,
    region: str,
    pause: Callable[[float], None] = time.sleep,
) -> Trail:
    """Look up what each principal, and each of their *keys*, did since then; blocking."""
    reader, trail = _Reader(client, since, pause), Trail()
    found: dict[str, dict[str, Any]] = {}
    for principal, theirs in keys.items():
        lookups = [("Username", principal), *(("AccessKeyId", key) for key in theirs)]
        seen = 0
        for attribute, value in lookups:
            try:
                for event in reader.events(attribute, value):
                    found[str(event["EventId"])] = event
                    seen += 1
            except HemostatError as error:
                trail.gaps.append(_lack(f"of {value}", f"CloudTrail: {error.what}"))
        if not seen:
            told = f"there is no event since {since.isoformat()}: unused, or not logged"
            trail.gaps.append(_lack(f"of {principal}", told))
    for value in reader.cut_off:
        told = f"only the newest {_PAGES_AT_MOST} pages were read"
        trail.gaps.append(_lack(f"of {value}", told))
    trail.events = sorted((_plain(e) for e in found.values()), key=lambda e: str(e["at"]))
    trail.gaps += _by_its_nature(now, region)
    return trail


class _Reader:
    """Reads page by page, and waits out what passes."""

    def __init__(self, client: Any, since: datetime, pause: Callable[[float], None]) -> None:
        self._client = client
        self._since = since
        self._pause = pause
        self._patience = _PATIENCE.total_seconds()
        self.cut_off: list[str] = []

    def events(self, attribute: str, value: str) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}],
            "StartTime": self._since,
            "MaxResults": 50,
        }
        for _ in range(_PAGES_AT_MOST):
            page = self._page(asked)
            yield from page.get("Events", [])
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]
        self.cut_off.append(value)

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        while True:
            try:
                page: dict[str, Any] = self._client.lookup_events(**asked)
            except (ClientError, BotoCoreError) as error:
                ours = in_our_words(error)
                if not isinstance(ours, SystemUnreachable) or self._patience <= 0:
                    raise ours from None
                self._patience -= _PAUSE_SECONDS
                self._pause(_PAUSE_SECONDS)
            else:
                return page


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """The event as it is written down; AWS has its own record of it as text."""
    at = event.get("EventTime")
    try:
        record = json.loads(event.get("CloudTrailEvent") or "null")
    except ValueError:
        record = event.get("CloudTrailEvent")
    return {
        "id": event.get("EventId"),
        "at": at.isoformat() if isinstance(at, datetime) else at,
        "name": event.get("EventName"),
        "source": event.get("EventSource"),
        "principal": event.get("Username"),
        "key_id": event.get("AccessKeyId"),
        "record": record,
    }


def _by_its_nature(now: datetime, region: str) -> list[Gap]:
    late = (now - _LATE).isoformat()
    return [
        _lack("of data", "LookupEvents has no data events, such as each object that was read"),
        _lack("of other regions", f"only {region} was asked"),
        _lack("of the last minutes", f"events since {late} may arrive later"),
    ]


def _lack(of: str, reason: str) -> Gap:
    return Gap(name=f"{NAME} {of}", reason=reason)
