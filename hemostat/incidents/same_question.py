"""The same question, asked by many at once: one answer for all of them, and never an old one.

Who asks while it is being asked joins those that wait for the next time, which begins after they
asked; so nobody is given what was true before they asked, and however many ask, Temporal is asked
one thing at a time. A real Temporal lists ten times a second for a whole namespace by default
(``frontend.namespaceRPS.visibility``), less than one incident brings people together.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")


def _begun(asking: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
    """Begin it; where everyone who waited has left, its failure is nobody's to hear."""
    task = asyncio.create_task(asking)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


@dataclass
class _Asked:
    """What is being asked now, and who is to be asked after it."""

    now: asyncio.Task[Any]
    then: asyncio.Task[Any] | None = None


_KEPT: Final = 500


class SameQuestion:
    """Shares the answers to equal questions among those who ask while one is on its way."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, _Asked] = {}
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    async def ask_unless_kept(
        self, question: Hashable, since: float, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Return an answer begun at or after *since* (the loop's time), asked for if there is none.

        For a question whose answer is known not to have changed since then.
        """
        began, kept = self._kept.get(question, (-1.0, None))
        if began >= since:
            answer: Answer = kept
            return answer

        async def noted() -> tuple[float, Answer]:
            return asyncio.get_running_loop().time(), await ask()

        began, answer = await self.ask(("noted", question), noted)
        self._kept[question] = began, answer
        self._kept.move_to_end(question)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return answer

    async def ask(self, question: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what *ask* returns, begun no earlier than this call; raise what it raises.

        *ask* is that of whoever came first: equal questions must ask the same.
        """
        asked = self._asked.get(question)
        if asked is None:
            task = _begun(self._first(question, ask))
            self._asked[question] = _Asked(task)
            return await asyncio.shield(task)
        if asked.then is None:
            asked.then = _begun(self._after(asked.now, question, ask))
        answer: Answer = await asyncio.shield(asked.then)
        return answer

    async def _after(
        self, before: asyncio.Task[Any], question: Hashable, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        await asyncio.wait([before])
        return await self._first(question, ask)

    async def _first(self, question: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await ask()
        finally:
            following = self._asked[question].then
            if following is None:
                del self._asked[question]
            else:
                self._asked[question] = _Asked(following)
