"""How a step is carried out: act, prove, try again, or ask people how to go on."""

import asyncio
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.gate import GatePolicy, OnSilence, Outcome
from schemas.journal import Kind
from schemas.severity import Facts, Known
from schemas.step import ProofVerdict, StepClass, StepState
from workflows.engine.failures import ActFailed
from workflows.engine.lifecycle import Lifecycle
from workflows.engine.proof import Proof
from workflows.engine.steps import Step, waits_for_people
from workflows.engine.stood import CONTAINED_AGAIN, Standing

AUTOMATIC_ATTEMPTS = 2
"""How often containment is tried before people are asked how to go on."""

SAYS_WHY, SAYS_THAT_IT_ENDS = "a failure says why", "a no that ends the response says so"
"""What older incidents go on without (``workflow.patched``)."""

ENDS = "the response ends here: what is contained stays, and people close the incident"
"""What a no does to a look that the response cannot go on without."""

AUTOMATIC_LOSSES = 3
"""How often a containment that was lost is done again before people are asked each time."""


class Execution(Lifecycle):
    """What all the verbs of a playbook share."""

    _sealing: asyncio.Task[Any] | None = None

    async def _carry_out(self, step: Step, attempt: int = 1) -> list[Any] | None:
        """Act and prove until it holds or people give the step up (None).

        How far it came is kept, so that a new run neither acts nor asks a second time.
        """
        at = self._kept(f"under way {step.id}", {"attempt": attempt, "tries": 0, "why": None})
        while True:
            if at["why"] is None:
                if not at.get("begun"):
                    self.record.begin(step.id, step.title, step.step_class, at["attempt"])
                    at["begun"] = True
                answers, why = await self._attempt(step, at)
                if why is None:
                    self._results.pop(f"under way {step.id}")
                    return answers
                at |= {"why": why, "tries": at["tries"] + 1}
                self.record.settle()
                if step.step_class is StepClass.CONTAIN and self.people.declared:
                    self.record.assess(Facts(containment_unproven=Known.YES))
            why = at["why"]
            self.pager.call("commander", f"{step.id}-{at['attempt']}", f"{step.title}: {why}")
            automatic = step.step_class is StepClass.CONTAIN and at["tries"] < AUTOMATIC_ATTEMPTS
            if not automatic and not await self._try_again(step, why):
                self.record.mark(step.id, StepState.SKIPPED)
                self.record.write(Kind.STEP, f"{step.title}: given up", step=step.id)
                self._results.pop(f"under way {step.id}")
                return None
            attempt = at["attempt"] + 1
            at |= {"why": None, "attempt": attempt, "begun": False, "answers": [], "proof": {}}
            at.pop("outside", None)

    def _do_again(self, standing: Standing, attempt: int) -> None:
        self._in_background(self._contain_what_was_lost(standing, attempt), CONTAINED_AGAIN)

    async def _contain_what_was_lost(self, standing: Standing, attempt: int) -> None:
        """Do a step again whose containment was lost: at once, unless the rule says to ask.

        It survives a new run: what is under way is kept, as of any step.
        """
        step = standing.step
        if self.people.declared:
            self.record.assess(Facts(containment_unproven=Known.YES))
        losses = self.standing.memory(step.id).losses
        asks = standing.asks or losses > AUTOMATIC_LOSSES
        under_way = self._is_under_way(step.id)
        if under_way or not asks or await self._agreed_to_contain_again(standing, losses):
            await self._carry_out(step, attempt)
        else:
            says = f"{step.title}: left as it is, people said no"
            self.record.write(Kind.FINDING, says, step=step.id)
        self.record.settle()
        self.standing.settled(step.id)

    async def _agreed_to_contain_again(self, standing: Standing, losses: int) -> bool:
        step = standing.step
        policy = GatePolicy(
            id=f"again-{step.id}"[:63],
            asks=f"{step.title}: containment was lost. Contain again?",
            roles=("commander",),
            on_silence=OnSilence.HOLD if standing.asks else OnSilence.PROCEED,
        )
        shown: dict[str, JsonValue] = {"step": step.title, "losses": losses}
        outcome = await self._once(f"again {step.id} {losses}", policy, shown)
        return outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)

    async def _attempt(self, step: Step, at: dict[str, Any]) -> tuple[list[Any], str | None]:
        """Make one attempt, or go on with it; return the answers and, if it did not hold, why."""
        key = self._key(step.id, at["attempt"])
        urgent = step.step_class is StepClass.CONTAIN
        kept: list[Any] = at.setdefault("answers", [])
        answers = [
            act.port.result.model_validate(answer)
            for act, answer in zip(step.acts, kept, strict=False)
        ]
        if self.statements.attested(step.id):
            self.statements.use(step.id)
            at["outside"] = True
            self.record.write(Kind.STEP, "Done outside, as attested: proving it", step=step.id)
        ahead = [] if at.get("outside") else step.acts[len(kept) :]
        try:
            for act in ahead:  # one after the other; an answer survives a failure
                answers.append(await self.hands.act(act, step=step.id, key=key, urgent=urgent))
                kept.append(answers[-1].model_dump(mode="json"))
        except ActFailed as error:
            why = error.reason
            if error.words and workflow.patched(SAYS_WHY):
                why = f"{why}: {error.words}"
            self.record.mark(step.id, StepState.FAILED)
            self.record.write(Kind.STEP, f"Failed: {why}", step=step.id)
            return answers, f"failed ({why})"
        now = workflow.now()
        self.record.mark(step.id, StepState.DONE, commanded_at=iso(now))
        if urgent and self.record.contained_at is None:
            self.record.contained_at = now
            self.record.settle()
        if step.proof is None:
            return answers, None
        wanted = step.proof if isinstance(step.proof, Proof) else step.proof(answers)
        verdict = await self.hands.prove(wanted, step=step.id, kept=at.setdefault("proof", {}))
        self._judged(step, verdict)
        return answers, None if verdict is ProofVerdict.PROVEN else verdict.value

    def _judged(self, step: Step, verdict: ProofVerdict) -> None:
        proven = verdict is ProofVerdict.PROVEN
        times = {"proven_at": iso(workflow.now())} if proven else {}
        self.record.mark(step.id, StepState(verdict.value), **times)
        self.record.write(
            Kind.PROOF,
            f"{step.title}: {verdict.value}",
            step=step.id,
            data={"verdict": verdict.value},
        )

    async def _try_again(self, step: Step, why: str) -> bool:
        ends = step.ends and workflow.patched(SAYS_THAT_IT_ENDS)
        policy = GatePolicy(
            id=f"retry-{step.id}"[:63],
            asks=f"{step.title}: {why}. Try again? "
            + (f"Rejected, {ENDS}." if ends else "Rejecting goes on without it."),
            roles=("commander",),
            on_silence=OnSilence.HOLD if waits_for_people(step.step_class) else OnSilence.PROCEED,
            on_reject=ENDS if ends else "",
        )
        executors = self.people.executors(step.id)
        outcome = await self.ask(policy, {"step": step.title, "why": why}, executors=executors)
        agreed = outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)
        return agreed or self.statements.attested(step.id)

    async def _agreed(
        self, step: Step, policy: GatePolicy, attempt: int = 1, executors: tuple[str, ...] = ()
    ) -> bool:
        """Ask for a step that waits for people; what is shown is exactly what will be done.

        Each attempt is asked for once, however many runs it takes. One person alone never agrees
        to what destroys, restores or discloses.
        """
        policy = policy.for_class(step.step_class)
        shown: dict[str, JsonValue] = {
            "step": step.title,
            "class": step.step_class.value,
            "acts": [
                {"port": act.port.name, "request": act.request.model_dump(mode="json")}
                for act in step.acts
            ],
            "evidence": self.evidence.digests()[:100],
            "missing": self.evidence.gaps(),
        }
        outcome = await self._once(f"{step.id} {attempt}", policy, shown, executors)
        if outcome is Outcome.EXPIRED:
            self.record.skip(step.id, step.title, step.step_class, "the question expired")
        elif outcome is not Outcome.APPROVED:
            self.record.skip(step.id, step.title, step.step_class)
        return outcome is Outcome.APPROVED

    async def _once(
        self,
        step: str,
        policy: GatePolicy,
        shown: dict[str, JsonValue],
        executors: tuple[str, ...] = (),
    ) -> Outcome:
        kept = self._results.get(f"gate {step}")
        if kept is None:
            outcome = await self.ask(policy, shown, executors=executors)
            self._results[f"gate {step}"] = kept = outcome.value
        return Outcome(str(kept))

    async def _stop_watching(self, title: str) -> None:
        self._kept(f"watch {self._id(title)}", {})["over"] = True
        await self._stop_beside(lambda what: what == f"watch {title}")

    def _kept(self, name: str, fresh: dict[str, Any]) -> dict[str, Any]:
        """Return what is kept under *name* over new runs, *fresh* at first; change it in place."""
        kept: Any = self._results.setdefault(name, fresh)
        at: dict[str, Any] = kept
        return at

    def _id(self, title: str) -> str:
        """The step's id: its title in words and hyphens, numbered in later rounds."""
        words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
        return "-".join(words)[:48] + (f"-r{self._round}" if self._round > 1 else "")

    def _key(self, step: str, attempt: int) -> str:
        """The idempotency key: stable over retries, worker deaths, resets and new runs."""
        return f"{self.incident}/{self._first_run}/{step}/{attempt}"
