"""The verbs a playbook is written in; each is one line of the procedure.

The class of a step decides the order rule: ``contain`` never waits for evidence or people,
``destroy`` never runs before evidence is sealed and people agreed, ``restore`` and ``disclose``
never happen by silence. Each finished step is remembered, so that an incident that continues in a
new run walks through its playbook again without doing anything twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import Frozen, iso
from schemas.canonical import digest_of
from schemas.containment_rule import ContainmentRuling, Verdict
from schemas.evidence import Sealed
from schemas.gate import GatePolicy, OnSilence, Outcome
from schemas.incident import Phase
from schemas.journal import Kind, recordable
from schemas.ports.port import Request
from schemas.ports.tickets import OpenTicket, open_ticket
from schemas.severity import Facts, Impact
from schemas.step import StepClass, StepState
from workflows.engine import checks
from workflows.engine.looking import Looking
from workflows.engine.proof import Proof, Stands
from workflows.engine.steps import Act, Step, do
from workflows.engine.undo import Reversal

Par = TypeVar("Par", bound=Frozen)
Req = TypeVar("Req", bound=Request)
Res = TypeVar("Res", bound=Frozen)


class Playbook(Looking, Generic[Par]):
    """The base of every playbook: write ``respond`` with these verbs."""

    _asks_again = False
    """Whether the rule's last word was to ask always: then also after a loss."""

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
        kept = self._results.setdefault(f"moment {self._id(name)}", iso(workflow.now()))
        return datetime.fromisoformat(str(kept))

    def remembered(self, name: str, fresh: Any) -> Any:
        """Return the JSON value that was first given under *name*, also in a new run."""
        return self._results.setdefault(f"remembered {self._id(name)}", fresh)

    def once_in_this_incident(self, name: str) -> str:
        """Return a name that stays the same whatever is tried again, and is no other incident's."""
        return f"{self.incident}/{self._first_run}/{self._round}/{name}"

    def finding(self, name: str, says: str, data: Mapping[str, JsonValue]) -> None:
        """Record what was found, once."""
        known = self._kept(f"found {self._id(name)}", {})
        if not known:
            known["recorded"] = True
            self.record.write(Kind.FINDING, says, data=data)

    def nonce(self) -> str:
        """A value nobody can guess, the same at every replay."""
        return workflow.uuid4().hex

    def page_commander(self, reason: str, summary: str) -> None:
        """Page the commander; the same reason once."""
        self.pager.call("commander", reason, summary)

    def suspect(self, person: str) -> None:
        """Exclude a person and their delegates from every pool, page and listing of this incident.

        Only an opaque id; it never enters the journal.
        """
        if self.people.suspect(person):
            self.gates.people_changed()

    def clear(self, *persons: str) -> None:
        """Let those whom the playbook suspected take part again; whom people excluded stay out."""
        if self.people.clear(persons):
            self.gates.people_changed()

    def assess(self, facts: Facts, impact: Impact | None = None) -> None:
        """Say what is known of the impact: the severity rises by it, and never falls."""
        self.record.assess(facts, impact)

    # Beside

    def ticket(self, what: str, title: str) -> None:
        """Open a ticket about *what*, beside: nobody waits for a ticket system that is down."""
        correlation = f"{self.incident}/{what}"
        ticket = OpenTicket(
            correlation=correlation,
            title=title,
            body=f"Incident {self.incident}. Sealed evidence: {self.evidence.listing()}",
            severity=self.record.severity,
            drill=self.drill,
        )
        there = Proof([checks.ticket_is_there(correlation)], polls=1)
        self.beside(f"Ticket: {what}", do(open_ticket, ticket), proof=there)

    def call(self, policy: GatePolicy, summary: str, reason: str = "") -> None:
        """Page the policy's first role, then its ladder, until someone acknowledges.

        With a *reason* it is a page of its own, beside the incident's first one.
        """
        self.pager.awaits(reason, policy.id)
        self.pager.call(policy.roles[0], reason, summary)
        work = self._await_acknowledgement(policy, summary, reason)
        self._in_background(work, "acknowledge")

    async def _await_acknowledgement(self, policy: GatePolicy, summary: str, reason: str) -> None:
        step = self._id(policy.id)
        if step in self._results:
            return
        approved = await self.ask(policy, {"summary": summary}) is Outcome.APPROVED
        if approved and not reason:
            self.pager.acknowledge()
        self._results[step] = True

    def seal(self, *acts: Act[Any, Sealed]) -> None:
        """Start sealing evidence beside the response; it delays nothing."""
        work = self._seal(self._id("Seal the evidence"), acts)
        self._sealing = self._in_background(work, "seal")

    async def _seal(self, step: str, acts: Sequence[Act[Any, Sealed]]) -> None:
        if step not in self._results:
            await self.evidence.seal(step, self._key(step, 1), acts)
            self._results[step] = True

    # Contain

    async def may_contain(self, ruling: ContainmentRuling) -> bool:
        """Record the rule's decision; ask only where the rule says so."""
        data = recordable(ruling.model_dump(mode="json"))
        once = self._kept(f"{self._id('ruled')} {digest_of(data)}", {})
        if not once:
            once["recorded"] = True
            says = f"Isolate first? {ruling.verdict.value}: {ruling.because}"
            self.record.write(Kind.RULE, says, data=data)
        self._asks_again = ruling.verdict is Verdict.ASK_ALWAYS
        if ruling.verdict in (Verdict.ACT_NOW, Verdict.DO_NOT_ISOLATE):
            return ruling.verdict is Verdict.ACT_NOW
        policy = GatePolicy(
            id="may-contain",
            asks="Contain now?",
            roles=("commander",),
            on_silence=OnSilence.PROCEED if ruling.silence_acts else OnSilence.HOLD,
        )
        shown: dict[str, JsonValue] = {"ruling": data}
        outcome = await self._once(self._id("may-contain"), policy, shown)
        return outcome in (Outcome.APPROVED, Outcome.PROCEEDED_BY_POLICY)

    async def contain(
        self,
        title: str,
        *acts: Act[Any, Any],
        proof: Proof,
        undo: Sequence[Act[Any, Any]],
        undo_proof: Proof | None = None,
        stands: Stands | None = None,
    ) -> bool:
        """Contain, prove it, and know the way back; True only if proven.

        *stands* says how it is looked at again from then on; None: it is not.
        """
        step = self._id(title)
        kept = self._results.get(step)
        key = self._key(step, 1)
        if kept is None or self.record.steps[step].state is not StepState.UNDONE:
            self.undo.register(Reversal(step=step, key=key, acts=undo, proof=undo_proof))
        self.record.enter(Phase.CONTAINMENT)
        doing = Step(step, title, StepClass.CONTAIN, acts, proof)
        if stands is not None:
            over = [self._id(other) for other in stands.over]
            self.standing.register(doing, proof, stands, over, asks=self._asks_again)
        if kept is not None:
            return kept == StepState.PROVEN.value
        await self._carry_out(doing)
        self._results[step] = self.record.steps[step].state.value
        self.record.settle()
        return self.record.steps[step].state is StepState.PROVEN

    async def contain_again(self, title: str, *acts: Act[Any, Any], proof: Proof) -> bool:
        """Do a containing step anew after it stopped holding; the way back is known already."""
        step = self._id(title)
        await self.standing.free(step)
        doing = Step(step, title, StepClass.CONTAIN, acts, proof)
        self.hands.busy += 1  # a new run would not know that it was agreed to
        try:
            await self._carry_out(doing, self.record.steps[step].attempt + 1)
        finally:
            self.hands.busy -= 1
            self._results.pop(f"under way {step}", None)
        self.record.settle()
        return self.record.steps[step].state is StepState.PROVEN

    async def take_back_all(self, because: str) -> None:
        """Undo every standing containment, newest first, each proven."""
        await self._take_back(because)

    def keep(self, title: str) -> None:
        """Let nothing take this containing step back, also if the alert is judged false."""
        self.undo.forget(self._id(title))

    def attempts(self, title: str) -> int:
        """How often the containing step was attempted so far."""
        return self.record.steps[self._id(title)].attempt

    def unproven(self, title: str, because: str) -> None:
        """What was proven is not any more."""
        step = self._id(title)
        if self.record.steps[step].state is StepState.DISPROVEN:
            return
        self.record.mark(step, StepState.DISPROVEN)
        self.record.write(Kind.FINDING, f"{title}: not proven any more: {because}", step=step)
        self.record.settle()

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
        """Wait until people agree; a rejection asks again.

        They see how many alerts there were by then and how many episodes go on; what begins to
        fire while they think is answered by another response.
        """
        while True:
            await self.reviews.done()
            if not self.gates.is_open(policy.id):
                self.intake.unanswered = False
                shown = {**shown, "alerts": self.intake.count, "firing": self.intake.firing}
            if await self.ask(policy, shown) is Outcome.APPROVED:
                return
