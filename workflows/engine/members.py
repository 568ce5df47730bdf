"""What one incident is made of, wired once, and what runs beside its response.

Each part knows what is its own; here they meet, and nowhere else. What an earlier run of the
incident left is taken over by ``succession``.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from pydantic import JsonValue
from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from schemas.gate import Event, GateEvent, GatePolicy, Outcome
from schemas.incident import Carried, OpenIncident
from schemas.journal import Kind
from workflows.engine.announcements import Announcer
from workflows.engine.clocks import LegalClocks
from workflows.engine.drafts import Drafts
from workflows.engine.evidence import Evidence
from workflows.engine.gates import Gates
from workflows.engine.glass import GlassReviews
from workflows.engine.hearing import Hearing
from workflows.engine.intake import Intake
from workflows.engine.page_answers import PageAnswers
from workflows.engine.paging import Pager, finished
from workflows.engine.people import People
from workflows.engine.record import Record
from workflows.engine.reporting import Reporting
from workflows.engine.speakers import Speakers
from workflows.engine.spec import PlaybookSpec
from workflows.engine.standing import StandingProofs
from workflows.engine.stated import Statements
from workflows.engine.steps import Hands
from workflows.engine.stood import Standing
from workflows.engine.undo import Undo

TOLD = {
    Event.PROCEEDED: "Nobody answered, so it is done by policy: {asks}",
    Event.HELD: "Nobody answered, so it waits: {asks}",
    Event.EXPIRED: "Nobody settled it, so it is not done: {asks}",
    Event.POOL_TOO_SMALL: "Too few people can decide, so you are asked: {asks}",
    Event.NOBODY_LEFT: "Too few people can decide and no rung is left: {asks}",
}


class Members:
    """The parts of one incident; ``Succession`` takes them from run to run."""

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
        self.people = People(self.record, self.service.roster)
        self.record.only_people_lower = self.people.declared
        self.record.restricted = self.service.restricted
        self.record.in_full = opening.in_full
        self.pager = Pager(
            self.record, self.hands, self.incident, opening, self._in_background, self.people
        )
        self.gates = Gates(self.record, self.service.gates, self._tell, self.people)
        self.reviews = GlassReviews(self.record, self.pager, self._in_background, self.ask)
        self.speakers = Speakers(
            self.record, self.pager, self.incident, self._first_run, opening.speakers
        )
        self.hearing = Hearing(
            self.record, self.gates, self.people, self.speakers, self.reviews.used
        )
        self.statements = Statements(
            self.record, self.gates, self.people, self.speakers, self._is_under_way
        )
        self.drafts = Drafts(self.record, self.gates, self.people, self.speakers)
        self.evidence = Evidence(self.record, self.hands, self.pager)
        self.undo = Undo(self.record, self.hands, self.pager)
        self.standing = StandingProofs(
            self.record, self.hands, self.pager, self.service.standing_proof, self._do_again
        )
        self.clocks = LegalClocks(
            self.record,
            self.hands,
            self.pager,
            self.intake,
            self.speakers,
            opening.legal,
            people=self.people,
        )
        self.announcer = self._announcer()
        self.page_answers = PageAnswers(
            self.record, self.pager, self.gates, self.people, self.speakers
        )
        self._results: dict[str, JsonValue] = {}
        self._segments: tuple[str, ...] = ()
        self._background: list[tuple[str, asyncio.Task[Any]]] = []
        self._round = 1
        self._answering = False
        """Whether the round has begun to respond: it may be going on in a new run."""
        self.over = False
        """Whether it is decided that a new run goes on: this one commands nothing more."""
        if carried:
            self._resume(carried)
        else:
            self._opened()

    def _announcer(self) -> Announcer:
        record, people, gates = self.record, self.people, self.gates
        reporting = Reporting(
            record,
            gates,
            people,
            self.intake,
            self._opening,
            incident=self.incident,
            first_run=self._first_run,
            title=self.spec.title,
        )
        beside = self._in_background
        return Announcer(record, self.hands, self._opening, people, reporting, beside)

    def _opened(self) -> None:
        legal = self._opening.legal
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
                **({"legal": legal.provenance()} if legal else {}),
                **self.speakers.opened(),
            },
        )

    async def ask(
        self,
        policy: GatePolicy,
        shown: dict[str, JsonValue],
        *,
        requesters: tuple[str, ...] = (),
        executors: tuple[str, ...] = (),
    ) -> Outcome:
        """Open a gate and return its outcome; the exhibit is bound to this incident and run."""
        binding: dict[str, JsonValue] = {
            "incident": self.incident,
            "run": self._first_run,
            "playbook": self.spec.id,
        }
        state = await self.gates.ask(
            policy, shown, binding, requesters=requesters, executors=executors
        )
        return state.outcome or Outcome.WITHDRAWN

    def _resume(self, carried: Carried) -> None:
        """Take over what an earlier run left; ``Succession`` says how."""
        raise NotImplementedError

    def _is_under_way(self, step: str) -> bool:
        return f"under way {step}" in self._results

    def _do_again(self, standing: Standing, attempt: int) -> None:
        """Do a step again whose containment was lost; ``Execution`` says how."""
        raise NotImplementedError

    # Beside the response

    def _tell(self, policy: GatePolicy, event: GateEvent) -> None:
        summary = TOLD.get(event.event, "{asks}").format(asks=policy.asks)
        for role in event.to_roles:
            self.pager.remind(policy.id, event.due.timestamp(), role, summary)

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        return asyncio.create_task(work, name=name)

    def _in_background(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run *work* beside the response; it is stopped when the incident winds up."""
        task = self._spawn(work, name)
        self._background.append((name, task))
        return task

    async def _let_finish(self, *names: str) -> None:
        """Wait for what runs beside under these names, but not for ever."""
        tasks = [task for name, task in self._background if name in names and not task.done()]
        if tasks:
            await finished(tasks, "what is under way beside")

    async def _stop_beside(self, chosen: Callable[[str], bool]) -> None:
        for name, task in list(self._background):
            if chosen(name):
                await self._stop(task)
                self._background.remove((name, task))

    async def _stop(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        await workflow.wait([task])
        if task.cancelled():
            return
        error = task.exception()
        if error is None or is_cancelled_exception(error):
            return
        if not isinstance(error, FailureError):
            raise error
        # Temporal would fail the incident for it; what ran beside is not worth that.
        self.record.write(Kind.FINDING, f"Something beside failed: {type(error).__name__}")
