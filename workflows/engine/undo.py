"""Undoing containment: in reverse order, with its own proof, and journaled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from schemas.journal import Kind
from schemas.step import ProofVerdict, StepState
from workflows.engine import commands
from workflows.engine.failures import ActFailed
from workflows.engine.paging import Pager
from workflows.engine.proof import Proof
from workflows.engine.record import Record
from workflows.engine.steps import Act, Hands

UNDO_IS_SHOWN: Final = "every undo is shown"
"""From this change on every playbook of ours proves each of its undos."""

PATIENCE, PATIENCE_AT_MOST = timedelta(seconds=30), timedelta(hours=1)
"""Between two tries of an undo that failed: it is tried until it holds, the service needs it."""


@dataclass(frozen=True)
class Reversal:
    """How one containing step is taken back, and how that is shown."""

    step: str
    key: str
    acts: Sequence[Act[Any, Any]]
    proof: Proof | None


class Undo:
    """The containing steps that stand, newest last."""

    def __init__(self, record: Record, hands: Hands, pager: Pager) -> None:
        self._record = record
        self._hands = hands
        self._pager = pager
        self._standing: list[Reversal] = []

    def register(self, reversal: Reversal) -> None:
        """Know how to take a step back *before* it acts: its answer may never arrive."""
        self.forget(reversal.step)
        self._standing.append(reversal)

    def forget(self, step: str) -> None:
        """The step does not stand any more (it was taken back or lifted another way)."""
        self._standing = [known for known in self._standing if known.step != step]

    def forget_all(self) -> None:
        """What stands now stays: the incident was resolved with it."""
        self._standing.clear()

    async def all(self, because: str) -> None:
        """Take back every standing step, newest first."""
        while self._standing:
            await self.one(self._standing[-1].step, because)

    async def one(self, step: str, because: str) -> None:
        """Take back one standing step, until it is done and shown; people hear if it is not."""
        reversal = next(known for known in self._standing if known.step == step)
        title = self._record.steps[step].title
        self._record.write(Kind.UNDO, f"Undoing: {title} ({because})", step=step)
        pause = PATIENCE
        while not await self._try(reversal):
            self._pager.call("commander", f"undo-{step}", f"Undoing does not succeed: {title}")
            await commands.sleep(pause, summary=f"{step}: undo again")
            pause = min(2 * pause, PATIENCE_AT_MOST)
        self.forget(step)
        self._record.mark(step, StepState.UNDONE)
        self._record.write(Kind.UNDO, f"Undone and shown: {title}", step=step)
        self._record.settle()

    async def _try(self, reversal: Reversal) -> bool:
        try:
            for act in reversal.acts:
                await self._hands.act(act, step=reversal.step, key=reversal.key)
        except ActFailed as error:
            self._record.write(
                Kind.UNDO, f"Undo did not succeed: {error.reason}", step=reversal.step
            )
            return False
        if reversal.proof is None:
            return True
        verdict = await self._hands.prove(reversal.proof, step=reversal.step)
        return verdict is ProofVerdict.PROVEN
