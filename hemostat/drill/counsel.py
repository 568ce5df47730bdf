"""Counsel of a drill: determines clock by clock, by the same signal as anyone's, in a script's order.

Counsel sees what a person sees, the clocks as the incident shows them, and waits for something
where the script says so. A word whose moment depends on a row is told by a function of that row.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client

from hemostat.drill.people import played_by
from hemostat.incidents import legal_clocks
from hemostat.keys import SigningKey
from hemostat.speaking import speak
from schemas.clocks.determination import Determination, Matter
from schemas.clocks.view import ClockRow
from schemas.errors import HemostatError

_LOOK_EVERY_SECONDS: Final = 0.4


@dataclass(frozen=True)
class Word:
    """One determination, sent once *ready* says so; ``value`` may depend on the clock's row."""

    clock: str
    what: Matter
    value: str | Callable[[ClockRow], str]
    reason: str
    reference: str = ""
    ready: Callable[[ClockRow], bool] = lambda _: True


class Counsel:
    """Says the words of a script, each once and in order of readiness, until cancelled."""

    def __init__(
        self, client: Client, key: SigningKey, incident: str, words: tuple[Word, ...]
    ) -> None:
        self._client = client
        self._key = key
        self._incident = incident
        self._left = list(words)

    async def determine(self) -> None:
        """Look at the clocks, and determine."""
        while self._left:
            rows = await self._rows()
            for word in list(self._left):
                row = rows.get(word.clock)
                if row is not None and word.ready(row):
                    await self._say(word, row)
                    self._left.remove(word)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _rows(self) -> dict[str, ClockRow]:
        try:
            seen = await legal_clocks(self._client, self._incident)
        except HemostatError:  # no worker just now: counsel looks again
            return {}
        return {row.id: row for row in seen.clocks}

    async def _say(self, word: Word, row: ClockRow) -> None:
        who = played_by("counsel")
        given = Determination(
            determination_id=str(uuid.uuid4()),
            clock=word.clock,
            what=word.what,
            value=word.value if isinstance(word.value, str) else word.value(row),
            actor=who.person,
            role="counsel",
            reason=f"EXERCISE: {word.reason}",
            reference=word.reference,
        )
        await speak(self._client, who, self._incident, given, self._key, channel="drill")
