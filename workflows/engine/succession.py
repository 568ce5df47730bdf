"""One incident over many runs: when it goes on in a new one, and what that one is handed.

When a history grows long the incident goes on in a new run. Nothing is lost and nothing is done or
asked twice: the journal is archived and its chain goes on, finished steps are remembered, open
gates keep their nonce, and pages not yet taken are said again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow

from schemas.incident import Carried
from schemas.journal import Entry, Kind
from schemas.ports.vault import ArchiveJournal, archive_journal
from workflows.engine import commands
from workflows.engine.archive import segments
from workflows.engine.failures import ActFailed
from workflows.engine.members import Members
from workflows.engine.steps import do

PRESSING, LAST_CALL = 8_000, 30_000
"""Events in a history: from when acts under way do not delay a new run, and from when not even a
vault that is down does. Temporal takes 10,000 signals a run and ends it at 51,200 events."""

HOPS = 8
"""More conditions than any task of ours waits for, one after the other, without an event between."""

ARCHIVE_AGAIN, ARCHIVE_AGAIN_AT_MOST = 30.0, 1800.0
"""Seconds between two tries to archive the journal."""


class Succession(Members):
    """The way of one incident from run to run; ``Lifecycle`` adds its course."""

    _pause = ARCHIVE_AGAIN

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
