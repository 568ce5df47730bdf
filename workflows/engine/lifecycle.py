"""The life of an incident: opened by an alert, responded to, continued, undone or closed.

Whatever arrives, an incident neither loses containment nor hangs: signals never raise, a cancel
request from outside changes nothing, and a bug in a playbook stops the workflow task (Temporal
retries it until the code is mended) rather than the incident.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import CancelledError as TemporalCancelled

from schemas.clocks.view import ClocksView
from schemas.gate import GatePolicy, OnSilence, Outcome
from schemas.incident import (
    IncidentResult,
    IncidentView,
    JournalQuery,
    OpenIncident,
    Phase,
    Resolution,
    Sight,
)
from schemas.journal import Kind
from workflows.engine.failures import StepGivenUp
from workflows.engine.intake import wait_for_firing
from workflows.engine.signals import legible
from workflows.engine.stood import KEPT
from workflows.engine.succession import Succession

FALSE_ALARM = GatePolicy(
    id="false-alarm",
    asks="Is this a false alarm? Approving undoes the containment, proves that, and closes.",
    roles=("commander", "ml-lead"),
    quorum=2,
    on_silence=OnSilence.STAND,
)
"""A standing offer while an incident is open: two pairs of eyes may judge the alert false."""

BY_HAND = GatePolicy(
    id="close-by-hand",
    asks="The playbook cannot go on by itself. Approve to close the incident as it stands.",
    roles=("commander",),
)

EARLY_END_PATIENCE = timedelta(minutes=10).total_seconds()


class Lifecycle(Succession):
    """Signals, queries and the course of one incident; ``Playbook`` adds the verbs."""

    # What arrives

    @workflow.signal(dynamic=True, description="`alert`, `decide` and what else people state")
    def _receive(self, name: str, given: Sequence[RawValue]) -> None:
        # One handler for every name: Temporal silently drops what a typed one cannot decode.
        takers = {
            "alert": self._alerted,
            "determine": self.clocks.receive,
            "page-answer": self.page_answers.receive,
            "decide": self.hearing.decide,
            "withdraw": self.hearing.withdraw,
            "break-glass": self.hearing.break_glass,
            "attest": self.statements.attest,
            "grade": self.statements.grade,
            "suspect": self.statements.suspect,
            "draft": self.drafts.receive,
        }
        taker = takers.get(name)
        if taker is None:
            self.record.write(
                Kind.REFUSED, "A signal that no incident takes", data={"signal": name[:60]}
            )
            return
        taker(legible(given))

    def _alerted(self, raw: object) -> None:
        """Take alerts, and declare what the gateway could not seal of them."""
        for gap in self.intake.receive(raw):
            self.evidence.declare(gap)

    # What is asked

    @workflow.query(name="incident", description="Where the incident stands")
    def _incident(self) -> IncidentView:
        record = self.record
        return IncidentView(
            id=self.incident,
            run_id=self._first_run,
            playbook=self.spec.id,
            service=self.service.name,
            drill=self._opening.drill,
            opened_at=record.opened_at,
            phase=record.phase,
            severity=record.severity,
            containment=record.containment,
            resolution=record.resolution,
            impact=record.impact,
            steps=tuple(record.steps.values()),
            gates=self.gates.views(),
            alerts=self.intake.count,
            journal_length=record.chain.length,
            journal_head=record.chain.head,
            restricted=bool(record.restricted) or self.people.any_excluded,
            asks_proof=self.speakers.declared,
        )

    @workflow.query(name="may_see", description="Whether a person may see it, and is asked")
    def _may_see(self, person: str) -> Sight:
        asked = any(s.person == person for gate in self.gates.asking() for s in gate.may_decide)
        return Sight(excluded=self.people.excludes(person), asked=asked)

    @workflow.query(name="journal", description="Entries of the journal from a number on")
    def _journal(self, query: JournalQuery) -> list[dict[str, Any]]:
        start = max(query.start - self.record.first_seq, 0)
        entries = self.record.chain.entries[start : start + query.limit]
        return [entry.model_dump(mode="json") for entry in entries]

    @workflow.query(name="became", description="The entries about what was said under an id")
    def _became(self, said: str) -> list[dict[str, Any]]:
        about = (entry for entry in self.record.chain.entries if said in entry.data.values())
        return [entry.model_dump(mode="json") for entry in about]

    @workflow.query(name="shown", description="What was shown at a gate, by the gate's id")
    def _shown(self, gate: str) -> dict[str, JsonValue]:
        return self.gates.shown(gate)

    @workflow.query(name="clocks", description="The legal clocks, what is due when")
    def _clocks(self) -> ClocksView:
        return self.clocks.view()

    @workflow.query(name="segments", description="Digests of earlier journal parts in the vault")
    def _journal_segments(self) -> list[str]:
        return list(self._segments)

    # The course

    async def respond(self) -> Resolution:
        """The playbook itself: overridden by each one."""
        raise NotImplementedError

    def take_precautions(self) -> None:
        """What must be so before anybody is called; nothing, unless a playbook overrides it."""

    async def conduct(self, opening: OpenIncident) -> IncidentResult:
        """Run the incident from its alert to its close."""
        self.pager.go_on()
        self.reviews.go_on()
        self.record.publish()
        course = self._spawn(self._course(), "course")
        await self._obstinately(course)
        result: IncidentResult = course.result()
        return result

    async def _course(self) -> IncidentResult:
        while True:
            resolution = await self._round_of_response()
            self.record.resolution = resolution
            await self._wind_up()
            if not self.intake.unanswered:
                break
            self._round += 1
            self._answering = False
            self.undo.forget_all()
            self.record.begin_round()
            self.record.write(Kind.FINDING, "It fired again while closing: responding again")
        result = self._close(resolution)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _round_of_response(self) -> Resolution:
        """One response: to its end, to a judgement of false alarm, or to the next run."""
        if not self._answering:
            early_end = self._round == 1 and self.intake.only_ends
            if early_end and not await wait_for_firing(self.intake, EARLY_END_PATIENCE):
                return Resolution.RESOLVED_BEFORE_FIRING
            self._answering, self.intake.unanswered = True, False
        self.take_precautions()
        if self.clocks.declared:
            self._in_background(self.clocks.keep(), "legal clocks")
        if self.standing.declared:
            self._in_background(self.standing.keep(), KEPT)
        self.announcer.begin()
        response = self._spawn(self._respond_and_be_clear(), "respond")
        judged = self._spawn(self._judge_false_alarm(), "false alarm")
        while not (response.done() or judged.done()):
            await workflow.wait_condition(
                lambda: response.done() or judged.done() or self._should_continue
            )
            if not (response.done() or judged.done()):
                await self._continue_as_new(response, judged)
        if judged.done() and not response.done():
            await self._stop(response)
            await self._take_back("judged a false alarm")
            await self.reviews.done()
            await self.clocks.until_decided(lambda: self.intake.unanswered)
            return Resolution.FALSE_ALARM
        await self._stop(judged)
        resolution: Resolution = response.result()
        return resolution

    async def _respond_and_be_clear(self) -> Resolution:
        """Respond, then stay open while a legal clock runs; a new firing is answered first."""
        if not self.clocks.declared:
            return await self._respond_or_hand_over()
        step = f"responded {self._round}"
        if step not in self._results:
            self._results[step] = (await self._respond_or_hand_over()).value
        await self.clocks.until_decided(lambda: self.intake.unanswered)
        return Resolution(str(self._results[step]))

    async def _respond_or_hand_over(self) -> Resolution:
        resolution = await self._respond_or_stop()
        await self.standing.close()
        await self.reviews.done()
        return resolution

    async def _respond_or_stop(self) -> Resolution:
        try:
            return await self.respond()
        except StepGivenUp as error:
            self.record.write(Kind.FINDING, f"The playbook stops here: {error.what}")
            self.pager.call("commander", "by-hand", "The playbook cannot go on by itself")
            while await self.ask(BY_HAND, {"because": error.what}) is not Outcome.APPROVED:
                continue
            return Resolution.RESOLVED

    async def _judge_false_alarm(self) -> None:
        while await self.ask(FALSE_ALARM, {"service": self.service.name}) is not Outcome.APPROVED:
            continue

    async def _take_back(self, because: str) -> None:
        """Undo what stands; a watch would take that for somebody else's doing."""
        await self._stop_beside(lambda what: what.startswith("watch "))
        self.standing.end_all()
        await self.undo.all(because)

    async def _wind_up(self) -> None:
        """Let what should be done still be done, stop the rest, close what was opened outside."""
        self.gates.withdraw_all()
        await self._let_finish("beside", "seal")
        await self._stop_beside(lambda what: what not in ("page", "announce"))
        await self.announcer.settle(lambda: self.intake.unanswered)
        await self.pager.settle()
        self._background.clear()

    def _close(self, resolution: Resolution) -> IncidentResult:
        record = self.record
        record.enter(Phase.CLOSED)
        record.write(
            Kind.CLOSED,
            f"Closed: {resolution.value}",
            data={"resolution": resolution.value, "alerts": self.intake.count},
        )
        record.publish()
        workflow.upsert_memo({"hemostat_episodes": self.intake.episodes()[-500:]})
        return IncidentResult(
            id=self.incident,
            playbook=self.spec.id,
            service=self.service.name,
            drill=self._opening.drill,
            resolution=resolution,
            severity=record.severity,
            containment=record.containment,
            opened_at=record.opened_at,
            closed_at=workflow.now(),
            contained_at=record.contained_at,
            proven_at=record.proven_at,
            alerts=self.intake.count,
            journal_length=record.chain.length,
            journal_head=record.chain.head,
            journal_segments=self._segments,
        )

    async def _obstinately(self, course: asyncio.Task[Any]) -> None:
        """Wait for *course*; a cancel request from outside is noted and lifts nothing."""
        while True:
            try:
                await workflow.wait_condition(course.done)
            except (asyncio.CancelledError, TemporalCancelled):
                self.record.write(
                    Kind.REFUSED, "Someone with access to Temporal asked to cancel: not obeyed"
                )
                self.pager.call("commander", "cancel", "Someone tried to cancel the response")
                continue
            return
