"""The life of an incident: opened by an alert, responded to, continued, undone or closed.

Whatever arrives, an incident neither loses containment nor hangs: signals never raise, a cancel
request from outside changes nothing, and a bug in a playbook stops the workflow task (Temporal
retries it until the code is mended) rather than the incident.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import JsonValue
from temporalio import workflow
from temporalio.exceptions import CancelledError as TemporalCancelled
from temporalio.exceptions import is_cancelled_exception

from schemas.gate import GateEvent, GatePolicy, OnSilence, Outcome
from schemas.incident import (
    Carried,
    IncidentResult,
    IncidentView,
    JournalQuery,
    OpenIncident,
    Phase,
    Resolution,
)
from schemas.journal import Entry, Kind
from schemas.ports.vault import ArchiveJournal, archive_journal
from workflows.engine.evidence import Evidence
from workflows.engine.gates import Gates
from workflows.engine.intake import Intake, wait_for_firing
from workflows.engine.paging import Pager
from workflows.engine.record import Record
from workflows.engine.spec import PlaybookSpec
from workflows.engine.steps import Act, ActFailed, Hands, StepGivenUp, do
from workflows.engine.undo import Undo

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


class Lifecycle:
    """Signals, queries and the course of one incident; ``Playbook`` adds the verbs."""

    spec: ClassVar[PlaybookSpec]

    @workflow.init
    def __init__(self, opening: OpenIncident) -> None:
        info, carried = workflow.info(), opening.carried
        self._opening = opening
        self.incident = info.workflow_id
        self.service = opening.service
        self._first_run = carried.first_run if carried else info.first_execution_run_id
        self.record = Record(carried.journal_length, carried.journal_head) if carried else Record()
        self.hands = Hands(self.record, self.service, self.incident)
        self.intake = Intake(self.record)
        self.pager = Pager(self.record, self.hands, self.incident, opening, self._in_background)
        self.gates = Gates(self.record, self.service.gates, self._tell)
        self.evidence = Evidence(self.record, self.hands, self.pager)
        self.undo = Undo(self.record, self.hands)
        self._results: dict[str, JsonValue] = {}
        self._segments: tuple[str, ...] = ()
        self._background: list[asyncio.Task[Any]] = []
        self._round = 1
        if carried:
            self._resume(carried)
        else:
            self._opened()

    # What arrives

    @workflow.signal(name="alert", description="Alerts of this incident (AlertBatch)")
    def _alert(self, *given: Any) -> None:
        self.intake.receive(given[0] if given else None)

    @workflow.signal(name="decide", description="A person's decision at a gate (Decision)")
    def _decide(self, *given: Any) -> None:
        self.gates.receive(given[0] if given else None)

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
            steps=tuple(record.steps.values()),
            gates=self.gates.views(),
            alerts=self.intake.count,
            journal_length=record.chain.length,
            journal_head=record.chain.head,
        )

    @workflow.query(name="journal", description="Entries of the journal from a number on")
    def _journal(self, query: JournalQuery) -> list[dict[str, Any]]:
        start = max(query.start - self.record.first_seq, 0)
        entries = self.record.chain.entries[start : start + query.limit]
        return [entry.model_dump(mode="json") for entry in entries]

    @workflow.query(name="segments", description="Digests of earlier journal parts in the vault")
    def _journal_segments(self) -> list[str]:
        return list(self._segments)

    # The course

    async def respond(self) -> Resolution:
        """The playbook itself: overridden by each one."""
        raise NotImplementedError

    async def conduct(self, opening: OpenIncident) -> IncidentResult:
        """Run the incident from its alert to its close."""
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
            self.record.write(Kind.FINDING, "It fired again while closing: responding again")
        result = self._close(resolution)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _round_of_response(self) -> Resolution:
        """One response: to its end, to a judgement of false alarm, or to the next run."""
        early_end = not self._results and self.intake.only_ends
        if early_end and not await wait_for_firing(self.intake, EARLY_END_PATIENCE):
            return Resolution.RESOLVED_BEFORE_FIRING
        self.intake.unanswered = False
        response = self._spawn(self._respond_or_hand_over(), "respond")
        judged = self._spawn(self._judge_false_alarm(), "false alarm")
        while not (response.done() or judged.done()):
            await workflow.wait_condition(
                lambda: response.done() or judged.done() or self._should_continue
            )
            if not (response.done() or judged.done()):
                await self._continue_as_new()
        if judged.done() and not response.done():
            await self._stop(response)
            await self.undo.all("judged a false alarm")
            return Resolution.FALSE_ALARM
        await self._stop(judged)
        resolution: Resolution = response.result()
        return resolution

    async def _respond_or_hand_over(self) -> Resolution:
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

    async def ask(self, policy: GatePolicy, shown: dict[str, JsonValue]) -> Outcome:
        """Open a gate and return its outcome; the exhibit is bound to this incident and run."""
        binding: dict[str, JsonValue] = {
            "incident": self.incident,
            "run": self._first_run,
            "playbook": self.spec.id,
        }
        state = await self.gates.ask(policy, shown, binding)
        return state.outcome or Outcome.WITHDRAWN

    async def _wind_up(self) -> None:
        """Stop what runs beside, close what was opened outside."""
        self.gates.withdraw_all()
        for task in self._background:
            if task.get_name() != "page":
                await self._stop(task)
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

    # Beside the response

    def _tell(self, policy: GatePolicy, event: GateEvent) -> None:
        for role in event.to_roles:
            self.pager.call(role, f"{policy.id}-{event.due.timestamp():.0f}", policy.asks)

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        return asyncio.create_task(work, name=name)

    def _in_background(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run *work* beside the response; it is stopped when the incident winds up."""
        task = self._spawn(work, name)
        self._background.append(task)
        return task

    async def _stop(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        await workflow.wait([task])
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not is_cancelled_exception(error):
            raise error

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

    # Long lives

    @property
    def _should_continue(self) -> bool:
        """Whether the history is long and nothing is under way that must not be cut."""
        return workflow.info().is_continue_as_new_suggested() and self.hands.busy == 0

    async def _continue_as_new(self) -> None:
        record = self.record
        record.write(Kind.CONTINUED, "The history is long: going on in a new run")
        upto = len(record.chain.entries)
        lines = "\n".join(entry.model_dump_json() for entry in record.chain.entries)
        act: Act[Any, Any] = do(archive_journal, ArchiveJournal(segment=lines))
        length, head = record.chain.length, record.chain.head
        try:
            archived = await self.hands.quietly(act, key=f"{self.incident}/{length}")
        except ActFailed:
            return
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.hands.busy:
            return
        carried = Carried(
            opened_at=record.opened_at,
            first_run=self._first_run,
            journal_length=length,
            journal_head=head,
            journal_segments=(*self._segments, archived.digest),
            results=self._results,
            state={
                "round": self._round,
                "intake": self.intake.dump(),
                "gates": self.gates.dump(),
                "record": record.dump(),
                "pager": self.pager.dump(),
                "evidence": self.evidence.dump(),
                "tail": [entry.model_dump(mode="json") for entry in record.chain.entries[upto:]],
            },
        )
        workflow.continue_as_new(self._opening.model_copy(update={"carried": carried}))

    def _resume(self, carried: Carried) -> None:
        state: dict[str, Any] = dict(carried.state)
        self._results = dict(carried.results)
        self._segments = carried.journal_segments
        self._round = state["round"]
        self.intake.load(state["intake"])
        self.gates.load(state["gates"])
        self.record.load(state["record"])
        self.record.chain.adopt([Entry.model_validate(entry) for entry in state["tail"]])
        self.pager.load(state["pager"])
        self.evidence.load(state["evidence"])

    def _opened(self) -> None:
        self.record.write(
            Kind.OPENED,
            f"Incident opened: {self.spec.title}" + (" (EXERCISE)" if self._opening.drill else ""),
            data={
                "incident": self.incident,
                "run": self._first_run,
                "playbook": self.spec.id,
                "service": self.service.name,
                "drill": self._opening.drill,
                "atlas": list(self.spec.atlas),
            },
        )
