"""The verbs that wait for people: ``destroy``, ``disclose``, ``restore_in_stages``; silence never acts.

Destruction also waits for sealed evidence. What leaves the company is exactly the text that two
pairs of eyes approved, and what was sent is evidence. Re-enabling goes in stages under guard: a breach closes
again by itself, which is shown like any containment, and the next try is asked for anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio import workflow

from schemas.base import Frozen
from schemas.canonical import digest_bytes
from schemas.gate import GatePolicy, OnSilence
from schemas.incident import Phase
from schemas.journal import Kind
from schemas.ports.disclosure import (
    Disclose,
    ReadDisclosure,
    Receipt,
    read_disclosure,
    send_disclosure,
)
from schemas.ports.port import Request
from schemas.step import ProofVerdict, StepClass, StepState
from workflows.engine import commands
from workflows.engine.evidence import of_sent
from workflows.engine.execution import Execution
from workflows.engine.failures import ActFailed
from workflows.engine.proof import Check, Proof
from workflows.engine.steps import Act, Step, do

Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Frozen)

HOLDS_TOO = "a hold that comes while people think holds too"
"""What older incidents go on without (``workflow.patched``)."""

CLOSE_AGAIN, CLOSE_AGAIN_AT_MOST = 5.0, 300.0
"""Seconds between two tries to close again what broke its guard."""


@dataclass(frozen=True)
class Stages:
    """How something is re-enabled: percent by percent, what guards it, and the way back."""

    percents: Sequence[int]
    admit: Callable[[int], Act[Any, Any]]
    guard: Proof
    fall_back: Act[Any, Any]
    closed: Proof | None


def was_sent(request: Disclose) -> Proof:
    """What was sent reads back with the digest of what was approved."""
    read = ReadDisclosure(statement=request.statement, audience=request.audience)
    sent = Check(
        "what was sent is what was approved",
        read_disclosure,
        lambda _: read,
        lambda seen: seen.text_digest == request.text_digest,
    )
    return Proof([sent], polls=1)


class Consent(Execution):
    """What never happens by silence."""

    async def destroy(
        self,
        title: str,
        act: Act[Req, Res],
        *,
        agree: GatePolicy,
        proof: Callable[[Res], Proof],
        alters: str = "",
    ) -> Res | None:
        """Alter or delete: only with sealed evidence, no hold, and agreement; None on a no.

        *alters* names the kind of act that an evidence hold blocks (``redeploy_changed_system``),
        where the port's own name does not tell.
        """
        step = self._id(title)
        if step in self._results:
            kept = self._results[step]
            return None if kept is None else act.port.result.model_validate(kept)
        if self._sealing is not None:
            await commands.until(self._sealing.done)
        altering = alters or act.port.name
        await self.clocks.until_released(altering)
        doing = Step(step, title, StepClass.DESTROY, [act], lambda got: proof(got[0]))
        if not await self._agreed(doing, agree):
            self._results[step] = None
            return None
        held = self.clocks.holds(altering) and not self._is_under_way(step)
        if held and workflow.patched(HOLDS_TOO):
            await self.clocks.until_released(altering)
        answers = await self._carry_out(doing)
        self._results[step] = answers[0].model_dump(mode="json") if answers else None
        return answers[0] if answers else None

    async def disclose(
        self,
        title: str,
        *,
        statement: str,
        audience: str,
        subject: str,
        text: str,
        agree: GatePolicy,
    ) -> Receipt | None:
        """Send *text* to *audience*, as approved by two or more; None if people said no."""
        if agree.quorum < 2 or agree.on_silence is not OnSilence.HOLD:
            raise ValueError(f"{agree.id}: a disclosure needs two pairs of eyes, never silence")
        step = self._id(title)
        if step in self._results:
            kept = self._results[step]
            return None if kept is None else Receipt.model_validate(kept)
        approved = digest_bytes(text.encode())
        request = Disclose(
            statement=statement, audience=audience, subject=subject, text=text, text_digest=approved
        )
        doing = Step(
            step, title, StepClass.DISCLOSE, [do(send_disclosure, request)], was_sent(request)
        )
        agreed = await self._agreed(doing, agree)
        answers = await self._carry_out(doing) if agreed else None
        self._results[step] = answers[0].model_dump(mode="json") if answers else None
        if not answers:
            return None
        receipt: Receipt = answers[0]
        says = f"Sent: {title}"
        self.record.write(Kind.EVIDENCE, says, step=step, data=of_sent(receipt))
        return receipt

    async def restore_in_stages(
        self,
        title: str,
        *,
        stages: Sequence[int],
        admit: Callable[[int], Act[Any, Any]],
        guard: Proof,
        fall_back: Act[Any, Any],
        finish: Sequence[Act[Any, Any]],
        finished: Proof,
        no_longer_watched: str,
        lifts: str | tuple[str, ...],
        agree: GatePolicy,
        closed: Proof | None = None,
        releases: tuple[str, ...] = (),
    ) -> bool:
        """Re-enable in stages under guard; a breach isolates again by itself and asks anew.

        *closed* shows that it is isolated again, *lifts* names the containing steps that are over
        with it, *releases* those that need not hold any more while it is open. What is named is
        not looked at again meanwhile. True only if all is open and shown.
        """
        step = self._id(title)
        if step in self._results:
            return bool(self._results[step])
        self.record.enter(Phase.RECOVERY)
        plan = Stages(stages, admit, guard, fall_back, closed)
        acts = [admit(percent) for percent in stages] + list(finish)
        whole = Step(step, title, StepClass.RESTORE, acts)
        at = self._kept(f"stages {step}", {"attempt": 1, "stage": 0, "broke": False})
        lifted = (lifts,) if isinstance(lifts, str) else lifts
        closers = tuple(who for title in lifted for who in self.people.executors(self._id(title)))
        resting = [self._id(name) for name in (*lifted, *releases)]
        while await self._agreed(whole, agree, at["attempt"], closers):
            await self.standing.rest(*resting)
            if at["broke"] or not await self._staged(whole, plan, at):
                await self._fall_back(step, plan, at)
                self.standing.resume(*resting)
                continue
            await self._stop_watching(no_longer_watched)
            last = Step(step, title, StepClass.RESTORE, finish, finished)
            done = await self._carry_out(last, at["attempt"]) is not None
            for title_lifted in lifted if done else ():
                self._lift(title_lifted)
            self.standing.end(*(resting if done else ()))
            self._results[step] = done
            return done
        self._results[step] = False
        return False

    async def _staged(self, whole: Step, plan: Stages, at: dict[str, Any]) -> bool:
        step = whole.id
        if at["stage"] == 0 and not at.get("proof"):
            self.record.begin(step, whole.title, StepClass.RESTORE, at["attempt"])
        for percent in plan.percents[at["stage"] :]:
            proof = at.setdefault("proof", {})
            if not proof and not await self._admit(step, plan, percent, at):
                at["broke"] = True
                return False
            verdict = await self.hands.prove(plan.guard, step=step, kept=proof)
            if verdict is not ProofVerdict.PROVEN:
                at["broke"] = True
                self.record.write(
                    Kind.FINDING, f"Stage {percent} %: the guard broke: {verdict.value}", step=step
                )
                return False
            at["stage"] += 1
        return True

    async def _admit(self, step: str, plan: Stages, percent: int, at: dict[str, Any]) -> bool:
        key = self._key(f"{step}-{percent}", at["attempt"])
        try:
            await self.hands.act(plan.admit(percent), step=step, key=key)
        except ActFailed as error:
            self.record.write(Kind.STEP, f"Stage {percent} %: {error.reason}", step=step)
            return False
        self.record.write(Kind.STEP, f"Stage {percent} %: open, guarded", step=step)
        return True

    async def _fall_back(self, step: str, plan: Stages, at: dict[str, Any]) -> None:
        """Close again at once, and show it; people hear of it before they are asked again."""
        attempt = at["attempt"]
        self.pager.call(
            "commander", f"{step}-{attempt}", "Re-enabling broke its guard: closing again"
        )
        pause = CLOSE_AGAIN
        while not await self._closed(step, plan, at):
            summary = "What broke its guard could not be shown to be closed again"
            self.pager.call("commander", f"{step}-{attempt}-back", summary)
            await commands.sleep(pause, summary=f"{step}: close again")
            pause = min(2 * pause, CLOSE_AGAIN_AT_MOST)
        self.record.write(Kind.STEP, "Closed again", step=step)
        self.record.mark(step, StepState.FAILED)
        at |= {"attempt": attempt + 1, "stage": 0, "broke": False, "proof": {}, "shut": False}

    async def _closed(self, step: str, plan: Stages, at: dict[str, Any]) -> bool:
        if not at.get("shut"):
            key = self._key(f"{step}-back", at["attempt"])
            try:
                await self.hands.act(plan.fall_back, step=step, key=key, urgent=True)
            except ActFailed:
                return False
            at |= {"shut": True, "shown": {}}
        if plan.closed is None:
            return True
        verdict = await self.hands.prove(plan.closed, step=step, kept=at["shown"])
        at["shut"] = verdict is ProofVerdict.PROVEN  # if not, close it once more
        return verdict is ProofVerdict.PROVEN

    def _lift(self, title: str) -> None:
        """The containment is over because the service is restored: nothing to undo any more."""
        step = self._id(title)
        self.undo.forget(step)
        if step in self.record.steps:
            self.record.mark(step, StepState.UNDONE)
        self.record.settle()
