"""One incident over many runs: what it is made of, what runs beside, what the next run is handed.

When a history grows long the incident goes on in a new run. Nothing is lost and nothing is done or
asked twice: the journal is archived and its chain goes on, finished steps are remembered, open
gates keep their nonce, and pages not yet taken are said again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar

from pydantic import JsonValue
from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from schemas.gate import Event, GateEvent, GatePolicy, Outcome
from schemas.incident import Carried, OpenIncident
from schemas.journal import Entry, Kind
from schemas.ports.vault import ArchiveJournal, archive_journal
from workflows.engine import commands
from workflows.engine.announcements import Announcer
from workflows.engine.archive import segments
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
from workflows.engine.steps import ActFailed, Hands, do
from workflows.engine.stood import Standing
from workflows.engine.undo import Undo

PRESSING, LAST_CALL = 8_000, 30_000
"""Events in a history: from when acts under way do not delay a new run, and from when not even a
vault that is down does. Temporal takes 10,000 signals a run and ends it at 51,200 events."""

HOPS = 8
"""More conditions than any task of ours waits for, one after the other, without an event between."""

ARCHIVE_AGAIN, ARCHIVE_AGAIN_AT_MOST = 30.0, 1800.0
"""Seconds between two tries to archive the journal."""


TOLD = {
    Event.PROCEEDED: "Nobody answered, so it is done by policy: {asks}",
    Event.HELD: "Nobody answered, so it waits: {asks}",
    Event.EXPIRED: "Nobody settled it, so it is not done: {asks}",
    Event.POOL_TOO_SMALL: "Too few people can decide, so you are asked: {asks}",
    Event.NOBODY_LEFT: "Too few people can decide and no rung is left: {asks}",
}


class Succession:
    """The state of one incident and its way from run to run; ``Lifecycle`` adds its course."""

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
        self._pause = ARCHIVE_AGAIN
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

    # Long lives

    @property
    def _should_continue(self) -> bool:
        """Whether the history is long and nothing is under way that should not be cut.

        In a storm of alerts it is cut all the same: acts are repeated under the same key, while a
        run that reaches Temporal's limits is ended by the server.
        """
        info = workflow.info()
        pressing = info.get_current_history_length() >= PRESSING
        return info.is_continue_as_new_suggested() and (self.hands.busy == 0 or pressing)

    async def _continue_as_new(self, *meanwhile: asyncio.Task[Any]) -> None:
        record = self.record
        upto = len(record.chain.entries)
        length, head = record.chain.length, record.chain.head
        try:
            archived = await self._archive(record.chain.entries[:upto])
        except ActFailed as error:
            if workflow.info().get_current_history_length() < LAST_CALL:
                self.pager.call("commander", "archive", "The journal cannot be archived")
                await self._either_ends(meanwhile, self._pause)
                self._pause = min(2 * self._pause, ARCHIVE_AGAIN_AT_MOST)
                return
            archived = self._left_behind(error.reason)
        await workflow.wait_condition(workflow.all_handlers_finished)
        await _let_others_run()
        if not self._should_continue or any(task.done() for task in meanwhile):
            return
        record.write(Kind.CONTINUED, "The history is long: going on in a new run")
        carried = Carried(
            opened_at=record.opened_at,
            first_run=self._first_run,
            journal_length=length,
            journal_head=head,
            journal_segments=(*self._segments, *archived),
            results=self._results,
            state={
                "round": self._round,
                "answering": self._answering,
                "intake": self.intake.dump(),
                "gates": self.gates.dump(),
                "record": record.dump(),
                "pager": self.pager.dump(),
                "evidence": self.evidence.dump(),
                "people": self.people.dump(),
                "reviews": self.reviews.dump(),
                "statements": self.statements.dump(),
                "tail": [entry.model_dump(mode="json") for entry in record.chain.entries[upto:]],
                **({"clocks": self.clocks.dump()} if self.clocks.declared else {}),
                **({"told": self.announcer.dump()} if self.announcer.declared else {}),
                **({"standing": self.standing.dump()} if self.standing.declared else {}),
                **({"answers": self.page_answers.dump()} if self.page_answers.any else {}),
                **({"drafts": self.drafts.dump()} if self.drafts.any else {}),
                **({"speakers": self.speakers.dump()} if self.speakers.declared else {}),
            },
        )
        self.over = True
        workflow.continue_as_new(self._opening.model_copy(update={"carried": carried}))

    async def _either_ends(self, tasks: Sequence[asyncio.Task[Any]], patience: float) -> None:
        try:
            await commands.until(
                lambda: any(task.done() for task in tasks),
                within=patience,
                summary="archive the journal again",
            )
        except TimeoutError:
            return

    async def _archive(self, entries: Sequence[Entry]) -> list[str]:
        if "vault" not in self.service.connections:
            return self._left_behind("no vault is configured")
        digests: list[str] = []
        for segment in segments(entries):
            act = do(archive_journal, ArchiveJournal(segment=segment))
            key = f"{self.incident}/{self._first_run}/journal/{len(self._segments) + len(digests)}"
            digests.append((await self.hands.quietly(act, key=key)).digest)
        return digests

    def _left_behind(self, because: str) -> list[str]:
        """The entries stay in this run alone: its history is where an auditor finds them."""
        run = workflow.info().run_id
        says = "The journal so far is not archived: it stays in this run's history"
        self.record.write(Kind.FINDING, says, data={"run": run, "because": because})
        return []

    def _resume(self, carried: Carried) -> None:
        state: dict[str, Any] = dict(carried.state)
        self._results = dict(carried.results)
        self._segments = carried.journal_segments
        self._round, self._answering = state["round"], state["answering"]
        self.intake.load(state["intake"])
        self.gates.load(state["gates"])
        self.record.load(state["record"])
        self.record.chain.adopt([Entry.model_validate(entry) for entry in state["tail"]])
        self.pager.load(state["pager"])
        self.evidence.load(state["evidence"])
        if "clocks" in state:
            self.clocks.load(state["clocks"])
        if "speakers" in state:
            self.speakers.load(state["speakers"])
        if "answers" in state:
            self.page_answers.load(state["answers"])
        if "standing" in state:
            self.standing.load(state["standing"])
        if "told" in state:
            self.announcer.load(state["told"])
        self.people.load(state.get("people", {}))
        self.reviews.load(state.get("reviews", {}))
        self.statements.load(state.get("statements", {}))
        self.drafts.load(state.get("drafts", {}))


async def _let_others_run() -> None:
    """Let all that the signals woke go as far as it can, so that the next run need not repeat it.

    A round is one condition's hop. What acts and timers wake later stands still: ``commands``.
    """
    for _ in range(HOPS):
        await workflow.wait_condition(lambda: True)
