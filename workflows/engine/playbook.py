"""The verbs a playbook is written in; each is one line of the procedure.

The class of a step decides the order rule: ``contain`` never waits for evidence or people,
``destroy`` never runs before evidence is sealed and people agreed, ``restore`` and ``disclose``
never happen by silence. Each finished step is remembered, so that an incident that continues in a
new run walks through its playbook again without doing anything twice.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import Frozen, iso
from schemas.containment_rule import ContainmentRuling, Verdict
from schemas.evidence import Sealed
from schemas.gate import GatePolicy, OnSilence, Outcome
from schemas.incident import Phase
from schemas.journal import Kind
from schemas.ports.port import Request
from schemas.step import ProofVerdict, StepClass, StepState
from workflows.engine.execution import Execution
from workflows.engine.proof import Proof
from workflows.engine.steps import Act, ActFailed, Step, StepGivenUp
from workflows.engine.undo import Reversal

Par = TypeVar("Par", bound=Frozen)
Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Frozen)

Found = Callable[[Res], Awaitable[Act[Req, Res] | None]]
"""What to do when a watch saw something; returns what to watch next."""


class Playbook(Execution, Generic[Par]):
    """The base of every playbook: write ``respond`` with these verbs."""

    @property
    def parameters(self) -> Par:
        """The service's parameters, as the playbook's own model."""
        model: Any = self.spec.parameters
        parameters: Par = model.model_validate(self.service.parameters)
        return parameters

    @property
    def drill(self) -> bool:
        """Whether this is an exercise."""
        return self._opening.drill

    def now(self) -> datetime:
        """Temporal's time."""
        return workflow.now()

    def moment(self, name: str) -> datetime:
        """Temporal's time when this was first asked under *name*; remembered over new runs."""
        kept = self._results.setdefault(f"moment {name}", iso(workflow.now()))
        return datetime.fromisoformat(str(kept))

    def nonce(self) -> str:
        """A value nobody can guess, the same at every replay."""
        return workflow.uuid4().hex

    def page_commander(self, reason: str, summary: str) -> None:
        """Page the commander; the same reason once."""
        self.pager.call("commander", reason, summary)

    # Observe

    async def observe(self, title: str, act: Act[Req, Res]) -> Res:
        """Look at something and remember the answer; raises ``StepGivenUp`` if people say so."""
        step = self._id(title)
        if step in self._results:
            known: Res = act.port.result.model_validate(self._results[step])
            return known
        answers = await self._carry_out(Step(step, title, StepClass.OBSERVE, [act]))
        if answers is None:
            raise StepGivenUp(f"{title}: given up by the commander")
        result: Res = answers[0]
        self._results[step] = result.model_dump(mode="json")
        return result

    def beside(self, title: str, act: Act[Any, Any], proof: Proof) -> None:
        """Do something small beside the response; failing, it is noted and keeps nobody waiting."""
        self._in_background(self._beside(self._id(title), title, act, proof), "beside")

    async def _beside(self, step: str, title: str, act: Act[Any, Any], proof: Proof) -> None:
        if step not in self._results:
            self.record.begin(step, title, StepClass.OBSERVE, 1)
            _, why = await self._attempt(Step(step, title, StepClass.OBSERVE, [act], proof), 1)
            self._results[step] = why

    def call(self, policy: GatePolicy, summary: str) -> None:
        """Page the policy's first role, then its ladder, until someone acknowledges."""
        self.pager.call(policy.roles[0], "", summary)
        self._in_background(self._await_acknowledgement(policy, summary), "acknowledge")

    async def _await_acknowledgement(self, policy: GatePolicy, summary: str) -> None:
        step = self._id(policy.id)
        if step in self._results:
            return
        if await self.ask(policy, {"summary": summary}) is Outcome.APPROVED:
            self.pager.acknowledge()
        self._results[step] = True

    def seal(self, *acts: Act[Any, Sealed]) -> None:
        """Start sealing evidence beside the response; it delays nothing."""
        step = self._id("Seal the evidence")
        work = self._seal(step, acts)
        self._sealing = self._in_background(work, "seal")

    async def _seal(self, step: str, acts: Sequence[Act[Any, Sealed]]) -> None:
        if step not in self._results:
            await self.evidence.seal(step, self._key(step, 1), acts)
            self._results[step] = True

    # Contain

    async def may_contain(self, ruling: ContainmentRuling) -> bool:
        """Record the rule's decision; ask only where the rule says so."""
        self.record.write(
            Kind.RULE,
            f"Isolate first? {ruling.verdict.value}: {ruling.because}",
            data=ruling.model_dump(mode="json"),
        )
        if ruling.verdict in (Verdict.ACT_NOW, Verdict.DO_NOT_ISOLATE):
            return ruling.verdict is Verdict.ACT_NOW
        policy = GatePolicy(
            id="may-contain",
            asks="Contain now?",
            roles=("commander",),
            on_silence=OnSilence.PROCEED if ruling.silence_acts else OnSilence.HOLD,
        )
        shown: dict[str, JsonValue] = {"ruling": ruling.model_dump(mode="json")}
        outcome = await self._once("may-contain", policy, shown)
        return outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)

    async def contain(
        self,
        title: str,
        *acts: Act[Any, Any],
        proof: Proof,
        undo: Sequence[Act[Any, Any]],
        undo_proof: Proof | None = None,
    ) -> bool:
        """Contain, prove it, and know the way back; True only if proven."""
        step = self._id(title)
        kept = self._results.get(step)
        key = self._key(step, 1)
        self.undo.register(Reversal(step=step, key=key, acts=undo, proof=undo_proof))
        if kept is not None:
            return kept == StepState.PROVEN.value
        self.record.enter(Phase.CONTAINMENT)
        await self._carry_out(Step(step, title, StepClass.CONTAIN, acts, proof))
        self._results[step] = self.record.steps[step].state.value
        self.record.settle()
        return self.record.steps[step].state is StepState.PROVEN

    async def contain_again(self, title: str, *acts: Act[Any, Any], proof: Proof) -> bool:
        """Do a containing step anew after it stopped holding; the way back is known already."""
        step = self._id(title)
        doing = Step(step, title, StepClass.CONTAIN, acts, proof)
        await self._carry_out(doing, self.record.steps[step].attempt + 1)
        self.record.settle()
        return self.record.steps[step].state is StepState.PROVEN

    async def take_back_all(self, because: str) -> None:
        """Undo every standing containment, newest first, each proven."""
        await self.undo.all(because)

    def unproven(self, title: str, because: str) -> None:
        """What was proven is not any more."""
        step = self._id(title)
        self.record.mark(step, StepState.DISPROVEN)
        self.record.write(Kind.FINDING, f"{title}: not proven any more: {because}", step=step)
        self.record.settle()

    def watch(
        self,
        title: str,
        act: Act[Req, Res],
        found: Callable[[Res], Awaitable[Act[Req, Res] | None]],
    ) -> None:
        """Watch beside the response; *found* says what to watch next, None to stop watching."""
        self._in_background(self._watch(title, act, found), f"watch {title}")

    async def _stop_watching(self, title: str) -> None:
        for task in self._background:
            if task.get_name() == f"watch {title}":
                await self._stop(task)

    async def _watch(
        self,
        title: str,
        act: Act[Req, Res],
        found: Callable[[Res], Awaitable[Act[Req, Res] | None]],
    ) -> None:
        watched: Act[Req, Res] | None = act
        while watched is not None:
            seen = await self.hands.watch(watched, title=title)
            self.record.write(
                Kind.FINDING, f"Watch: {title}: seen", data=seen.model_dump(mode="json")
            )
            watched = await found(seen)

    # Ask

    async def choose(self, title: str, policy: GatePolicy, shown: dict[str, JsonValue]) -> bool:
        """Ask people to confirm a choice; silence means what the policy says. Asked once."""
        outcome = await self._once(self._id(title), policy, shown)
        return outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)

    async def agrees(self, policy: GatePolicy, shown: dict[str, JsonValue]) -> bool:
        """Ask anew each time; silence means what the policy says."""
        outcome = await self.ask(policy, shown)
        return outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)

    async def agreed_to_close(self, policy: GatePolicy, shown: dict[str, JsonValue]) -> None:
        """Wait until people agree; a rejection asks again."""
        while await self.ask(policy, shown) is not Outcome.APPROVED:
            continue

    # Destroy, restore

    async def destroy(
        self,
        title: str,
        act: Act[Req, Res],
        *,
        agree: GatePolicy,
        proof: Callable[[Res], Proof],
    ) -> Res | None:
        """Alter or delete: only with sealed evidence and agreement; None if people said no."""
        step = self._id(title)
        if step in self._results:
            kept = self._results[step]
            return None if kept is None else act.port.result.model_validate(kept)
        await self._sealing
        doing = Step(step, title, StepClass.DESTROY, [act], lambda got: proof(got[0]))
        if not await self._agreed(doing, agree):
            self._results[step] = None
            return None
        answers = await self._carry_out(doing)
        self._results[step] = answers[0].model_dump(mode="json") if answers else None
        return answers[0] if answers else None

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
        lifts: str,
        agree: GatePolicy,
    ) -> bool:
        """Re-enable in stages under guard; a breach isolates again by itself and asks anew."""
        step = self._id(title)
        if step in self._results:
            return bool(self._results[step])
        self.record.enter(Phase.RECOVERY)
        attempt = 0
        while True:
            attempt += 1
            acts = [admit(percent) for percent in stages] + list(finish)
            if not await self._agreed(Step(step, title, StepClass.RESTORE, acts), agree):
                self._results[step] = False
                return False
            self.record.begin(step, title, StepClass.RESTORE, attempt)
            if await self._staged(step, attempt, stages, admit, guard):
                break
            await self._fall_back(step, attempt, fall_back)
        await self._stop_watching(no_longer_watched)
        await self._carry_out(Step(step, title, StepClass.RESTORE, finish, finished), attempt)
        self._lift(lifts)
        self._results[step] = True
        return True

    async def _staged(
        self,
        step: str,
        attempt: int,
        stages: Sequence[int],
        admit: Callable[[int], Act[Any, Any]],
        guard: Proof,
    ) -> bool:
        for percent in stages:
            try:
                await self.hands.act(
                    admit(percent), step=step, key=self._key(f"{step}-{percent}", attempt)
                )
            except ActFailed as error:
                self.record.write(Kind.STEP, f"Stage {percent} %: {error.reason}", step=step)
                return False
            self.record.write(Kind.STEP, f"Stage {percent} %: open, guarded", step=step)
            if await self.hands.prove(guard, step=step) is not ProofVerdict.PROVEN:
                self.record.write(Kind.FINDING, f"Stage {percent} %: the guard broke", step=step)
                return False
        return True

    async def _fall_back(self, step: str, attempt: int, act: Act[Any, Any]) -> None:
        """Close again at once; people hear of it, and are asked before the next try."""
        self.pager.call(
            "commander", f"{step}-{attempt}", "Re-enabling broke its guard: closed again"
        )
        while True:
            try:
                await self.hands.act(
                    act, step=step, key=self._key(f"{step}-back", attempt), urgent=True
                )
            except ActFailed:
                await workflow.sleep(5, summary=f"{step}: close again")
                continue
            break
        self.record.write(Kind.STEP, "Closed again", step=step)
        self.record.mark(step, StepState.FAILED)

    def _lift(self, title: str) -> None:
        """The containment is over because the service is restored: nothing to undo any more."""
        step = self._id(title)
        self.undo.forget(step)
        self.record.mark(step, StepState.UNDONE)
        self.record.settle()
