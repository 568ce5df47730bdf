"""Requests said twice under one idempotency key: the second gets the first one's answer.

This memory makes it quick, and notices a key that is used for something else. That it counts once
does not depend on it: the key decides the id under which the incident counts.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from hemostat.api.problems import Rejected
from hemostat.desk.said import Answer, Taken
from schemas.gate import Refusal
from schemas.who import Who

_REMEMBERED: Final = 5_000


class Repeats:
    """What was answered under which key, by whom."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[str, asyncio.Future[Answer]]] = (
            OrderedDict()
        )

    async def once(
        self, who: Who, key: str | None, said: bytes, say: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Return what *say* answers, or answered under this *key*; 409 if it was something else."""
        if key is None:
            return await say()
        print_ = hashlib.sha256(said).hexdigest()
        place = (f"{who.kind} {who.subject} {who.person}", key)
        if place in self._known:
            before, answered = self._known[place]
            if before != print_:
                raise Rejected(
                    409,
                    "this idempotency key was used for something else",
                    where="Idempotency-Key",
                    next_step="a new thing takes a new key.",
                )
            return (await asyncio.shield(answered)).model_copy(update={"repeated": True})
        answered = asyncio.get_running_loop().create_future()
        self._known[place] = print_, answered
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        try:
            answer = await say()
        except BaseException as error:
            self._known.pop(place, None)
            answered.set_exception(error if isinstance(error, Exception) else TimeoutError())
            answered.exception()  # nobody may wait for it, which is no news to report
            raise
        answered.set_result(answer)
        unheard = answer.entry is None and answer.refusal == Refusal.STEP_UP_ASKED
        if unheard or answer.taken is Taken.NOT_LOOKED_AT:
            self._known.pop(place, None)  # asked again it is looked for, or looked at, again
        return answer
