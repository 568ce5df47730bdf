"""How many may watch live at once: each person so many, and all of them together so many.

A stream costs a connection, a task and a look at its watcher every few seconds, for up to an hour.
Without a bound one person, or whoever has their token, takes what alerts come in by. Who finds no
place is told so, with when to come back; what they watched can be read all the same.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hemostat.desk.limits import AskedTooMuch
from schemas.who import Who

PER_PERSON: Final = 50
IN_ALL: Final = 800
"""Below the 1024 files that a process may open on most systems: alerts come in by files as well."""
AGAIN_IN_SECONDS: Final = 15


class NoPlaceLeft(AskedTooMuch):
    """So many watch already that nobody more is let in."""

    retry_after = AGAIN_IN_SECONDS


class Places:
    """The places of one process: with several gateways each has as many."""

    def __init__(self, per_person: int = PER_PERSON, in_all: int = IN_ALL) -> None:
        self._per_person, self._in_all = per_person, in_all
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._taken.total()

    def take(self, who: Who) -> "Place":
        """Return a place for *who*, to be left again; raises ``NoPlaceLeft``."""
        person = f"{who.kind} {who.person}"  # by whatever way in: it is the same one's
        if self._taken[person] >= self._per_person:
            raise NoPlaceLeft(
                f"you watch {self._per_person} things live already",
                next_step="close some of them, or ask again: everything can be read without.",
            )
        if self.taken >= self._in_all:
            raise NoPlaceLeft(
                "nobody more can watch live now",
                next_step="ask again: everything can be read without.",
            )
        self._taken[person] += 1
        return Place(self._taken, person)


class Place:
    """One place; it is left once, however often that is said."""

    def __init__(self, taken: Counter[str], person: str) -> None:
        self._taken, self._person, self._left = taken, person, False

    def leave(self) -> None:
        """Give it back."""
        if self._left:
            return
        self._left = True
        self._taken[self._person] -= 1
        if not self._taken[self._person]:
            del self._taken[self._person]


class LiveStream(StreamingResponse):
    """Server-sent events for whoever has a *place*, which is left however the stream ends."""

    def __init__(self, events: AsyncIterator[str], place: Place, headers: Mapping[str, str]):
        unbuffered = {**headers, "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=unbuffered)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.leave()
