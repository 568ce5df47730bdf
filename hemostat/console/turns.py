"""Who may have something large made now: one thing at a time for a person, few at once for all.

Making a report takes a processor for a moment, and the gateway has better to do: decisions. What is
made runs in a thread of its own and is never waited for by others; whoever asks for a second thing
meanwhile is told to come again.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from schemas.errors import SystemUnreachable
from schemas.who import Who

AT_ONCE: Final = 2
"""Things that are made at the same time, for everybody together."""
AGAIN_SECONDS: Final = 5

_Made = TypeVar("_Made")


class TurnTaken(SystemUnreachable):
    """It is not this person's turn; ``status`` is how HTTP says so."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what, next_step=f"Come again in {AGAIN_SECONDS} seconds.")
        self.status = status


class Turns:
    """The turns of one gateway; with several gateways each has its own."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._making = 0
        self._people: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether anything is being made."""
        return self._making > 0

    def take(self, who: Who) -> "Turn":
        """Return the turn of *who*, which ends with ``Turn.end``; raises ``TurnTaken``."""
        if who.subject in self._people:
            raise TurnTaken("something is being made for you already", 429)
        self._people.add(who.subject)
        return Turn(self, who.subject)

    async def make(self, make: Callable[[], _Made]) -> _Made:
        """Return what *make* makes, in a thread; raises ``TurnTaken`` where too many are at it."""
        if self._making >= self._at_once:
            raise TurnTaken("too much is being made for others right now", 503)
        self._making += 1
        making = asyncio.create_task(asyncio.to_thread(make))
        making.add_done_callback(self._made)
        # A thread goes on even if nobody waits for it any more: its place is free when it ends.
        return await asyncio.shield(making)

    def _made(self, making: "asyncio.Task[object]") -> None:
        self._making -= 1
        if not making.cancelled():
            making.exception()  # told to whoever waits; nobody may

    def over(self, person: str) -> None:
        """The turn of *person* is over."""
        self._people.discard(person)


class Turn:
    """One person's turn, until what was made has been sent."""

    def __init__(self, turns: Turns, person: str) -> None:
        self._turns, self._person = turns, person

    def end(self) -> None:
        """End it; more than once is the same as once."""
        self._turns.over(self._person)
