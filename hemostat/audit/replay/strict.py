"""Replays histories deterministically and compares all that was asked with all that is recorded.

Law: nothing here decides what is right. It says where the record and the code part; a record that
was edited and a playbook that was changed look alike, and only the seals tell one from the other.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.worker import Replayer, WorkflowRunner

from hemostat.audit.replay.asked import Asked, Asking, readable, recorded, replayed
from hemostat.audit.replay.counterfactual import WhatIf, what_if
from hemostat.audit.replay.parting import (
    Compared,
    Parting,
    compare,
    compare_clocks,
    compare_journals,
)
from hemostat.audit.replay.watching import Watched, Watching

Journal = Sequence[Mapping[str, Any]]

_ENDS: Final = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    }
)
_AT_EVENT: Final = re.compile(r"\bid: (\d+)")


@dataclass(frozen=True)
class RunReplay:
    """What came of one run: how much was compared, and where it parts."""

    incident: str
    run: str
    playbook: str
    events: int
    commands: int
    entries: int
    """How many entries of the journal the replay wrote in this run."""
    partings: tuple[Parting, ...] = ()
    notes: tuple[str, ...] = ()
    journal: Journal = field(default=(), repr=False)
    clocks: Mapping[str, Any] | None = field(default=None, repr=False)
    """The legal clocks that the last run comes to, where they were compared."""
    what_if: WhatIf | None = None
    """What this version would have gone on to do, where it was asked for and the order parts."""

    @property
    def held(self) -> bool:
        """Whether it parts nowhere."""
        return not self.partings

    def without_journal(self) -> "RunReplay":
        """This, for another process or a long list."""
        return replace(self, journal=(), clocks=None)

    def document(self) -> dict[str, Any]:
        """As JSON; without the journal."""
        return {
            "incident": self.incident,
            "run": self.run,
            "playbook": self.playbook,
            "held": self.held,
            "events": self.events,
            "commands": self.commands,
            "entries": self.entries,
            "partings": [asdict(parting) for parting in self.partings],
            "notes": list(self.notes),
            "what_if": self.what_if.document() if self.what_if else None,
        }


def history_of(content: bytes) -> WorkflowHistory:
    """Return the history in *content*, Temporal's JSON or the proto's bytes."""
    if content.lstrip()[:1] == b"{":
        events = readable(content)
        started = events["events"][0]["workflowExecutionStartedEventAttributes"]
        return WorkflowHistory.from_json(started["workflowId"], events)
    history = History.FromString(content)
    attributes = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(attributes.workflow_id, list(history.events))


async def replay(
    histories: Iterable[WorkflowHistory],
    playbooks: Sequence[type],
    runner: WorkflowRunner,
    *,
    journal: Journal | None = None,
    clocks: Mapping[str, Any] | None = None,
    exact: bool = False,
    counterfactual: bool = False,
    runtime: Runtime | None = None,
) -> AsyncIterator[RunReplay]:
    """Replay *histories* one after the other, comparing each with the record and *journal*.

    *clocks* is the ledger of legal clocks as it was sealed, which the last of them comes to.
    *exact*: the code is known to be the recorded one, so nothing is put down to a newer version.
    *counterfactual*: where a run parts so that it cannot go on, derive what would have followed.
    """
    watching = Watching(runner, clocks=clocks is not None)
    replayer = Replayer(
        workflows=playbooks,
        workflow_runner=watching,
        data_converter=pydantic_data_converter,
        runtime=runtime,
    )

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    before: WorkflowHistory | None = None
    pending: tuple[RunReplay, WorkflowHistory, Watched] | None = None
    async with replayer.workflow_replay_iterator(each()) as results:
        async for result in results:
            history = result.history
            if pending is not None:
                yield pending[0]
            watched = watching.runs.pop(history.run_id, Watched())
            done = _judged(history, watched, result.replay_failure, journal, exact=exact)
            if counterfactual and result.replay_failure is not None:
                derived = await what_if(history.events, watched, runner)
                done = replace(done, what_if=derived)
            pending = _linked(done, before, history), history, watched
            before = history
    if pending is not None:
        yield pending[0] if clocks is None else _with_clocks(*pending, clocks)


def _judged(
    history: WorkflowHistory,
    watched: Watched,
    failure: Exception | None,
    journal: Journal | None,
    *,
    exact: bool,
) -> RunReplay:
    known = list(recorded(history.events))
    given = list(replayed(watched.commands))
    written = watched.journal()
    if failure is not None:  # what comes after was not replayed, so nothing is said about it
        reached = max((asked.task for asked in given), default=0)
        known = [asked for asked in known if asked.task <= reached]
    is_open = history.events[-1].event_type not in _ENDS
    found = compare(known, given, is_open=is_open or failure is not None, exact=exact)
    partings = list(found.partings)
    notes = list(found.notes)
    if failure is not None:
        notes = [] if is_open else [note for note in notes if not note.startswith("given and")]
        partings += _of_failure(failure, watched, found, given, known)
    if journal is not None and (parting := compare_journals(journal, written)):
        partings.append(parting)
    return RunReplay(
        incident=history.workflow_id,
        run=history.run_id,
        playbook=_type_of(history),
        events=len(history.events),
        commands=found.commands,
        entries=len(written),
        partings=tuple(partings),
        notes=tuple(notes),
        journal=written,
    )


def _of_failure(
    failure: Exception,
    watched: Watched,
    found: Compared,
    given: Sequence[Asked],
    known: Sequence[Asked],
) -> list[Parting]:
    """Say what stopped the replay, and what this version would ask for at that place."""
    kinds = {asked.key for asked in known}
    last = max((asked.task for asked in given), default=0)
    fresh = compare((), [a for a in given if a.task == last and a.key not in kinds],
                    is_open=False, exact=True).partings  # fmt: skip
    said = str(failure)
    if watched.failed:
        says = f"the replay stops: this version's playbook raised: {watched.failed[:200]}"
    elif "not registered" in said:
        says = "this version has no playbook of that name"
    else:
        says = f"the replay stops: the record goes on otherwise than this version ({said[:200]})"
    found_at = _AT_EVENT.search(said)
    at = int(found_at[1]) if found_at else last + 1
    order = Parting(what="order", says=says, event=at)
    return [*fresh, order] if found.partings or fresh else [order]


def _with_clocks(
    done: RunReplay, history: WorkflowHistory, watched: Watched, clocks: Mapping[str, Any]
) -> RunReplay:
    """Compare the sealed legal clocks with those of the last run, from which they were taken."""
    if watched.clocks is None:  # it stopped before, which is told
        return done
    parting = compare_clocks(clocks, watched.clocks, history.events[-1].event_id)
    found = (*done.partings, parting) if parting else done.partings
    return replace(done, partings=found, clocks=watched.clocks)


def _linked(done: RunReplay, before: WorkflowHistory | None, history: WorkflowHistory) -> RunReplay:
    """Compare what a run was handed with what the run before it handed on."""
    if before is None or before.workflow_id != history.workflow_id:
        return done
    handed = next((a for a in recorded(before.events[-1:]) if a.kind is Asking.CONTINUE), None)
    started = history.events[0].workflow_execution_started_event_attributes
    if handed is None or started.continued_execution_run_id != before.run_id:
        return done
    got = started.input.payloads[0].data if started.input.payloads else b"null"
    if readable(got) == handed.part("input"):
        return done
    parting = Parting(
        "input", "this run did not begin with what the run before it handed on", event=1
    )
    return replace(done, partings=(parting, *done.partings))


def _type_of(history: WorkflowHistory) -> str:
    first: HistoryEvent = history.events[0]
    return first.workflow_execution_started_event_attributes.workflow_type.name
