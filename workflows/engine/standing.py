"""Standing proof: what was contained is looked at again while it stands, and a loss is acted on.

All that stands is looked at in one act, at a calm pace; a look that still holds leaves its time in
the step and no entry in the journal. What as many looks in a row as the proof asks for show to be
gone is lost: it counts as contained no more from that moment, and the step is done again. A look
that cannot be made loses nothing; when none could be made for long, people hear of it. While
people re-open a thing by stages it rests, and it ends when the containment is undone, lifted or
closed with.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue
from temporalio import workflow

from schemas.base import iso
from schemas.journal import Kind
from schemas.standing_proof import StandingProof
from schemas.step import Observation, ProofVerdict, StepState
from workflows.engine import commands
from workflows.engine.paging import Pager
from workflows.engine.proof import Check, Proof, Stands, judge
from workflows.engine.record import Record
from workflows.engine.steps import Hands, Step
from workflows.engine.stood import Memory, Standing

SLOWER = 1.5
"""By how much the pause grows after each round of looks in which all held."""

AT_LEAST = 2
"""Looks in a row that show a loss, also where the proof itself is content with one."""


class StandingProofs:
    """The containing steps of one incident that stand, and what looking again has shown."""

    def __init__(
        self,
        record: Record,
        hands: Hands,
        pager: Pager,
        rhythm: StandingProof | None,
        lost: Callable[[Standing, int], None],
    ) -> None:
        self._record = record
        self._hands = hands
        self._pager = pager
        self._rhythm = rhythm
        self._lost = lost
        self._known: dict[str, Standing] = {}
        self._memory: dict[str, Memory] = {}
        self._due: datetime | None = None
        self._pause = rhythm.first if rhythm else timedelta(0)

    @property
    def declared(self) -> bool:
        """Whether this incident looks again at all; older ones do not."""
        return self._rhythm is not None

    def register(
        self, step: Step, proof: Proof, stands: Stands, over: Sequence[str], *, asks: bool
    ) -> None:
        """Know how to look at *step* again, from when it is proven on; in a new run, go on."""
        if self._rhythm is None:
            return
        standing = Standing(step, stands.by or proof, frozenset(over), stands.until, asks)
        self._known[step.id] = standing
        memory = self._memory.setdefault(step.id, Memory())
        if memory.again is not None:
            self._lost(standing, memory.again)

    def memory(self, step: str) -> Memory:
        """What is known of a step."""
        return self._memory.get(step, Memory())

    def _note(self, step: str, **known: Any) -> Memory:
        self._memory[step] = memory = self.memory(step).model_copy(update=known)
        return memory

    # The looks

    async def keep(self) -> None:
        """Look again for as long as the incident is open."""
        while True:
            await commands.until(lambda: bool(self._looked_at()))
            if await self._pace():
                await self._look()

    def _looked_at(self) -> list[Standing]:
        """What stands, proven, not being re-opened, and in no other step's place."""
        replaced = {
            step
            for by, standing in self._known.items()
            if not self._gone(by)
            for step in standing.over
        }
        now = workflow.now()
        return [
            standing
            for step, standing in self._known.items()
            if step not in replaced and self._is_looked_at(step, standing, now)
        ]

    def _is_looked_at(self, step: str, standing: Standing, now: datetime) -> bool:
        memory = self.memory(step)
        view = self._record.steps.get(step)
        idle = not memory.rests and not memory.over and memory.again is None
        ended = standing.until is not None and now >= standing.until
        return idle and not ended and view is not None and view.state is StepState.PROVEN

    def _gone(self, step: str) -> bool:
        view = self._record.steps.get(step)
        return self.memory(step).over or view is None or view.state is StepState.UNDONE

    async def _pace(self) -> bool:
        """Wait until the next look is due; False: what is looked at changed meanwhile."""
        assert self._rhythm is not None  # noqa: S101 - nothing is kept without a rhythm
        now, known = workflow.now(), {s.step.id for s in self._looked_at()}
        due = self._due = self._due or now + self._pause
        if due <= now:
            return True
        try:
            await commands.until(
                lambda: {s.step.id for s in self._looked_at()} != known,
                within=due - now,
                summary="before looking again at what stands",
            )
        except TimeoutError:
            return True
        self._hurry(self._rhythm.first)
        return False

    def _hurry(self, pause: timedelta) -> None:
        """Look again after *pause* at the latest."""
        self._pause = min(self._pause, pause)
        soonest = workflow.now() + self._pause
        self._due = soonest if self._due is None else min(self._due, soonest)

    async def _look(self) -> None:
        assert self._rhythm is not None  # noqa: S101 - as above
        stood, self._due = self._looked_at(), None
        if not stood:
            return
        self._pause = min(self._pause * SLOWER, self._rhythm.at_most)
        asked: list[tuple[Check[Any, Any], int]] = [
            (check, self.memory(standing.step.id).poll)
            for standing in stood
            for check in standing.by.checks
        ]
        observed = iter(await self._hands.look_together(asked))
        still = {standing.step.id for standing in self._looked_at()}
        for standing in stood:
            observations = [next(observed) for _ in standing.by.checks]
            if standing.step.id in still:  # else it rests by now, or is judged by someone else
                self._judge(standing, observations)

    def _judge(self, standing: Standing, observations: Sequence[Observation]) -> None:
        step, verdict = standing.step.id, judge(observations)
        self._note(step, poll=self.memory(step).poll + 1)
        if verdict is ProofVerdict.PROVEN:
            self._held(standing)
        elif verdict is ProofVerdict.UNPROVABLE:
            self._unseen(standing, observations)
        else:
            self._gainsaid(standing, observations)

    def _held(self, standing: Standing) -> None:
        step, now = standing.step, iso(workflow.now())
        before = self.memory(step.id)
        if before.streak or before.unseen_told:
            self._record.write(Kind.FINDING, f"Looked again: {step.title}: holds", step=step.id)
        self._note(
            step.id,
            looks=before.looks + 1,
            held_at=now,
            streak=0,
            unseen_since=None,
            unseen_told=False,
        )
        self._record.steps[step.id] = self._record.steps[step.id].model_copy(
            update={"held_at": now, "unseen_since": None}
        )

    def _unseen(self, standing: Standing, observations: Sequence[Observation]) -> None:
        """It is not known to be lost: said and paged once, when it has lasted."""
        assert self._rhythm is not None  # noqa: S101 - as above
        step, now = standing.step, workflow.now()
        memory = self._note(step.id, unseen_since=self.memory(step.id).unseen_since or iso(now))
        since = datetime.fromisoformat(memory.unseen_since or iso(now))
        if memory.unseen_told or now - since < self._rhythm.unseen_for:
            self._hurry(self._rhythm.first)
            return
        outages = self._note(step.id, unseen_told=True, outages=memory.outages + 1).outages
        self._record.steps[step.id] = self._record.steps[step.id].model_copy(
            update={"unseen_since": memory.unseen_since}
        )
        says = f"{step.title}: cannot be looked at again: whether it still holds is not known"
        self._record.write(
            Kind.FINDING,
            says,
            step=step.id,
            data={
                "unseen_since": memory.unseen_since,
                **self._stood(step.id),
                "observations": [o.model_dump(mode="json") for o in observations],
            },
        )
        self._pager.call("commander", f"unseen-{step.id}-{outages}", says)

    def _gainsaid(self, standing: Standing, observations: Sequence[Observation]) -> None:
        """It does not hold: look again soon, and call it lost when that lasts."""
        step, wanted = standing.step, max(standing.by.polls, AT_LEAST)
        memory = self._note(
            step.id,
            streak=self.memory(step.id).streak + 1,
            unseen_since=None,
        )
        failed = "; ".join(o.check for o in observations if o.held is False)
        self._record.write(
            Kind.PROOF,
            f"look again {memory.streak} of {wanted}: disproven: not shown: {failed}",
            step=step.id,
            data={"observations": [o.model_dump(mode="json") for o in observations]},
        )
        if memory.streak < wanted:
            self._hurry(standing.by.every)
            return
        again = self._record.steps[step.id].attempt + 1
        stood = self._stood(step.id)
        memory = self._note(
            step.id, losses=memory.losses + 1, again=again, streak=0, looks=0, poll=0
        )
        self._record.mark(step.id, StepState.DISPROVEN)
        self._record.write(
            Kind.FINDING,
            f"{step.title}: not proven any more: containment lost: not shown: {failed}",
            step=step.id,
            data={"lost": memory.losses, **stood},
        )
        self._record.settle()
        self._pager.call(
            "commander", f"lost-{step.id}-{memory.losses}", f"Containment lost: {step.title}"
        )
        self._lost(standing, again)

    def _stood(self, step: str) -> dict[str, JsonValue]:
        """How long it was seen to hold."""
        memory = self.memory(step)
        held = memory.held_at or self._record.steps[step].proven_at
        return {"held_at": held, "looks": memory.looks, "losses": memory.losses}

    # After a loss, and at the end

    def settled(self, step: str) -> None:
        """The attempt after a loss is over: proven again, or given up."""
        self._note(step, again=None, unseen_since=None, unseen_told=False)
        if self._rhythm is not None:
            self._hurry(self._rhythm.first)

    async def free(self, *steps: str) -> None:
        """Wait until nobody does these steps again after a loss."""
        if any(self.memory(step).again is not None for step in steps):
            await commands.until(lambda: all(self.memory(s).again is None for s in steps))

    async def rest(self, *steps: str) -> None:
        """People re-open these: what does not hold from here on is no loss."""
        if self.declared:
            await self.free(*steps)
            for step in steps:
                self._note(step, rests=True)

    def resume(self, *steps: str) -> None:
        """They are closed again, and shown to be."""
        for step in steps if self._rhythm is not None else ():
            self._note(step, rests=False, streak=0, poll=0)

    def end(self, *steps: str) -> None:
        """They are looked at no more; the journal keeps how long each was seen to hold."""
        for step in steps:
            memory = self.memory(step)
            if self.declared and step in self._known and not memory.over:
                self._note(step, over=True, again=None)
                self._last_word(self._known[step], memory)

    def end_all(self) -> None:
        """Nothing is looked at any more: it is undone, or the incident closes with it."""
        self.end(*self._known)

    async def close(self) -> None:
        """The response is over: what was lost is done again or given up, and the looking ends."""
        await self.free(*self._known)
        self.end_all()

    def _last_word(self, standing: Standing, memory: Memory) -> None:
        if memory.held_at is None:
            return
        says = f"Stood: {standing.step.title}: last seen to hold {memory.held_at}"
        step = standing.step.id
        self._record.write(Kind.FINDING, says, step=step, data=self._stood(step))

    def dump(self) -> dict[str, JsonValue]:
        """What the next run of this incident needs."""
        return {
            "steps": {s: memory.model_dump(mode="json") for s, memory in self._memory.items()},
            "due": iso(self._due) if self._due else None,
            "pause": self._pause.total_seconds(),
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what an earlier run left."""
        self._memory = {s: Memory.model_validate(m) for s, m in dumped["steps"].items()}
        self._due = datetime.fromisoformat(dumped["due"]) if dumped["due"] else None
        self._pause = timedelta(seconds=dumped["pause"])
