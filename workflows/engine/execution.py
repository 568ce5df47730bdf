"""How a step is carried out: act, prove, try again, or ask people how to go on."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.gate import GatePolicy, OnSilence, Outcome
from schemas.journal import Kind
from schemas.step import ProofVerdict, StepClass, StepState
from workflows.engine.lifecycle import Lifecycle
from workflows.engine.proof import Proof
from workflows.engine.steps import Act, ActFailed

AUTOMATIC_ATTEMPTS = 2
"""How often containment is tried before people are asked how to go on."""


class Execution(Lifecycle):
    """What all the verbs of a playbook share."""

    async def _carry_out(
        self,
        step: str,
        title: str,
        step_class: StepClass,
        acts: Sequence[Act[Any, Any]],
        proof: Proof | Callable[[list[Any]], Proof] | None,
        attempt: int = 1,
    ) -> list[Any] | None:
        """Act and prove until it holds or people give the step up (None)."""
        tries = 0
        while True:
            tries += 1
            self.record.begin(step, title, step_class, attempt)
            answers, why = await self._attempt(step, step_class, acts, proof, attempt)
            if why is None:
                return answers
            self.record.settle()
            self.pager.call("commander", f"{step}-{attempt}", f"{title}: {why}")
            automatic = step_class is StepClass.CONTAIN and tries < AUTOMATIC_ATTEMPTS
            if not automatic and not await self._try_again(step, title, step_class, why):
                self.record.mark(step, StepState.SKIPPED)
                return None
            attempt += 1

    async def _attempt(
        self,
        step: str,
        step_class: StepClass,
        acts: Sequence[Act[Any, Any]],
        proof: Proof | Callable[[list[Any]], Proof] | None,
        attempt: int,
    ) -> tuple[list[Any], str | None]:
        """Make one attempt; return the answers and, if it did not hold, why."""
        urgent = step_class is StepClass.CONTAIN
        answers: list[Any] = []
        try:
            for act in acts:
                key = self._key(step, attempt)
                answers.append(await self.hands.act(act, step=step, key=key, urgent=urgent))
        except ActFailed as error:
            self.record.mark(step, StepState.FAILED)
            self.record.write(Kind.STEP, f"Failed: {error.reason}", step=step)
            return answers, f"failed ({error.reason})"
        now = workflow.now()
        self.record.mark(step, StepState.DONE, commanded_at=iso(now))
        if urgent and self.record.contained_at is None:
            self.record.contained_at = now
            self.record.settle()
        if proof is None:
            return answers, None
        wanted = proof if isinstance(proof, Proof) else proof(answers)
        verdict = await self.hands.prove(wanted, step=step)
        proven = verdict is ProofVerdict.PROVEN
        times = {"proven_at": iso(workflow.now())} if proven else {}
        self.record.mark(step, StepState(verdict.value), **times)
        self.record.write(
            Kind.PROOF,
            f"{self.record.steps[step].title}: {verdict.value}",
            step=step,
            data={"verdict": verdict.value},
        )
        return answers, None if proven else verdict.value

    async def _try_again(self, step: str, title: str, step_class: StepClass, why: str) -> bool:
        waits = step_class in (StepClass.DESTROY, StepClass.RESTORE, StepClass.DISCLOSE)
        policy = GatePolicy(
            id=f"retry-{step}"[:63],
            asks=f"{title}: {why}. Try again? Rejecting goes on without it.",
            roles=("commander",),
            on_silence=OnSilence.HOLD if waits else OnSilence.PROCEED,
        )
        outcome = await self.ask(policy, {"step": title, "why": why})
        return outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)

    async def _agreed(
        self,
        step: str,
        title: str,
        step_class: StepClass,
        policy: GatePolicy,
        acts: Sequence[Act[Any, Any]],
    ) -> bool:
        """Ask for a step that waits for people; what is shown is exactly what will be done."""
        shown: dict[str, JsonValue] = {
            "step": title,
            "class": step_class.value,
            "acts": [
                {"port": act.port.name, "request": act.request.model_dump(mode="json")}
                for act in acts
            ],
            "evidence": self.evidence.digests()[:100],
        }
        outcome = await self.ask(policy, shown)
        if outcome is not Outcome.APPROVED:
            self.record.begin(step, title, step_class, 1)
            self.record.mark(step, StepState.SKIPPED)
        return outcome is Outcome.APPROVED

    async def _once(self, step: str, policy: GatePolicy, shown: dict[str, JsonValue]) -> Outcome:
        kept = self._results.get(f"gate {step}")
        if kept is None:
            outcome = await self.ask(policy, shown)
            self._results[f"gate {step}"] = kept = outcome.value
        return Outcome(str(kept))

    def _id(self, title: str) -> str:
        """The step's id: its title in words and hyphens, numbered in later rounds."""
        words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
        return "-".join(words)[:48] + (f"-r{self._round}" if self._round > 1 else "")

    def _key(self, step: str, attempt: int) -> str:
        """The idempotency key: stable over retries, worker deaths, resets and new runs."""
        return f"{self.incident}/{self._first_run}/{step}/{attempt}"
