"""The verbs for looking: once, and for as long as there may be something.

Law: people who say to go on without a look are told before what that does. What the response can
do without ends nothing (``try_to_observe``); only what it cannot ends it, and then the gate says so.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from schemas.base import Frozen
from schemas.journal import Kind
from schemas.ports.port import Request
from schemas.step import StepClass, StepState
from workflows.engine import commands
from workflows.engine.alongside import Alongside
from workflows.engine.failures import ActFailed, StepGivenUp
from workflows.engine.steps import Act, Step

Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Frozen)

WATCH_AGAIN, WATCH_AGAIN_AT_MOST = 30.0, 1800.0
"""Seconds until a watch that failed is begun again."""

GOES_ON: Final = "a look that is given up ends nothing"

Found = Callable[[Res], Awaitable[Act[Req, Res] | None]]
"""What to do when a watch saw something; returns what to watch next."""


class Looking(Alongside):
    """Looks at what there is; nothing here changes anything."""

    async def observe(self, title: str, act: Act[Req, Res]) -> Res:
        """Look at something and remember the answer; raises ``StepGivenUp`` if people say so.

        For what the response cannot go on without: it ends there, and the gate says so beforehand.
        """
        seen = await self._look_at(title, act, ends=True)
        if seen is None:
            raise StepGivenUp(f"{title}: given up by the commander")
        return seen

    async def try_to_observe(self, title: str, act: Act[Req, Res]) -> Res | None:
        """Look at something and remember the answer; None: people said to go on without it."""
        step = self._id(title)
        if step in self._results and self._results[step] is None:
            return None
        seen = await self._look_at(title, act, ends=False)
        if seen is None and not self.follows(GOES_ON):
            raise StepGivenUp(f"{title}: given up by the commander")
        if seen is None:
            self._results[step] = None
        return seen

    def is_stuck(self, title: str) -> bool:
        """Whether it could not be looked at, and people are asked how to go on."""
        step = self.record.steps.get(self._id(title))
        return step is not None and step.state is StepState.FAILED

    async def _look_at(self, title: str, act: Act[Req, Res], *, ends: bool) -> Res | None:
        step = self._id(title)
        if step in self._results:
            known: Res = act.port.result.model_validate(self._results[step])
            return known
        answers = await self._carry_out(Step(step, title, StepClass.OBSERVE, [act], ends=ends))
        if answers is None:
            return None
        result: Res = answers[0]
        self._results[step] = result.model_dump(mode="json")
        return result

    # For as long as there may be something

    def watch(
        self,
        title: str,
        act: Act[Req, Res],
        found: Found[Res, Req],
    ) -> None:
        """Watch beside the response; *found* says what to watch next, None to stop watching."""
        self._in_background(self._watch(title, act, found), f"watch {title}")

    async def _watch(
        self,
        title: str,
        act: Act[Req, Res],
        found: Found[Res, Req],
    ) -> None:
        at = self._kept(f"watch {self._id(title)}", {})
        watched: Act[Req, Res] | None = None if at.get("over") else act
        while watched is not None:
            if "seen" in at:  # in an earlier run, and not answered yet
                seen = act.port.result.model_validate(at["seen"])
            else:
                seen = await self._see(title, watched)
                at["seen"] = seen.model_dump(mode="json")
                self.record.write(Kind.FINDING, f"Watch: {title}: seen", data=at["seen"])
            watched = await found(seen)
            del at["seen"]
        at["over"] = True

    async def _see(self, title: str, act: Act[Req, Res]) -> Res:
        """Watch until there is something to see; a watch that fails is said and begun again."""
        pause = WATCH_AGAIN
        while True:
            try:
                return await self.hands.watch(act, title=title)
            except ActFailed as error:
                self.record.write(Kind.FINDING, f"Watch: {title}: failed: {error.reason}")
                self.pager.call("commander", f"watch-{self._id(title)}", f"Not watched: {title}")
            await commands.sleep(pause, summary=f"watch again: {title}")
            pause = min(2 * pause, WATCH_AGAIN_AT_MOST)
