"""How Temporal and its workers are asked: in turns, once for all who ask the same, in our words.

A question to an incident wakes a worker. More of them at once than are answered soon would wait in
Temporal, where each one that waits a second makes a worker read a whole history anew: they wait
here instead, each kind in a line of its own, so that lists do not hold up decisions, nor an
incident that nobody answers for what others ask.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from hemostat.incidents.same_question import SameQuestion
from schemas.errors import BadInput, SystemUnreachable

Answer = TypeVar("Answer")

_TRIES: Final = 3
_POLLED_WITHIN: Final = timedelta(seconds=75)
"""A worker asks Temporal for work at least once a minute; whoever did not is not there."""
_LOOK_WITHIN: Final = timedelta(seconds=2)
_LISTS_STAND_FOR: Final = 2.0
_LISTED_FOR: Final = 1.0
"""Seconds for which lists show what an incident answered to one of them."""
_SHOWN_IN_LISTS: Final = frozenset({"incident", "clocks"})
"""Never who may see it: that is asked each time."""
_REMEMBERED: Final = 1_000
_LATE: Final = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})


class NoWorkerAnswers(SystemUnreachable):
    """The incident is there, but no worker answers for it."""


class AnswersLate(NoWorkerAnswers):
    """Nobody answered in time; that there is no worker is not said by it."""


class NoSuchIncident(BadInput):
    """There is none of this id, or none for whoever asks."""


class Line(StrEnum):
    """What a question to an incident is for; each waits only for its own kind."""

    PAGES = "pages"
    LISTS = "lists"
    LIVE = "live"
    DECISIONS = "decisions"


_AT_ONCE: Final = {Line.PAGES: 8, Line.LISTS: 16, Line.LIVE: 4, Line.DECISIONS: 12}
_LISTED_WITHIN: Final = timedelta(seconds=2)
"""One incident in a list is not waited for longer than this, and holds no turn longer."""
_LINE: Final[ContextVar[Line]] = ContextVar("line", default=Line.PAGES)


@contextmanager
def asked_for(line: Line) -> Iterator[None]:
    """Put all that is asked within, and by tasks that begin within, into *line*."""
    token = _LINE.set(line)
    try:
        yield
    finally:
        _LINE.reset(token)


@dataclass(frozen=True)
class Question:
    """A query to one incident."""

    incident: str
    run_id: str | None
    name: str
    arguments: tuple[Any, ...]


@dataclass
class _Asking:
    """What one client is asked."""

    same: SameQuestion = field(default_factory=SameQuestion)
    lists_stand: tuple[float, float] | None = None
    """Since when no change of the list was seen, and until when that is good."""
    spoken_to: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """When each incident last heard a person through this client."""

    def young_enough(self, incident: str) -> float:
        """Return since when an answer of *incident* is good for a list."""
        now = asyncio.get_running_loop().time()
        return max(now - _LISTED_FOR, self.spoken_to.get(incident, 0.0))

    turns: dict[Line, asyncio.Semaphore] = field(
        default_factory=lambda: {line: asyncio.Semaphore(most) for line, most in _AT_ONCE.items()}
    )


_ASKED: Final[WeakKeyDictionary[Client, _Asking]] = WeakKeyDictionary()


def asked_of(client: Client) -> SameQuestion:
    """Return what this client is being asked, for those who ask the same."""
    return _of(client).same


def spoke_to(client: Client, incident: str) -> None:
    """Let no list show *incident* as it was before this: somebody said something to it."""
    spoken = _of(client).spoken_to
    spoken[incident] = asyncio.get_running_loop().time()
    spoken.move_to_end(incident)
    while len(spoken) > _REMEMBERED:
        spoken.popitem(last=False)


def share_lists(client: Client, since: float | None) -> None:
    """Let all who ask share lists that were begun at or after *since*; None: each gets a new one.

    Said again at each look of a crowd at the list, else it ends by itself.
    """
    until = asyncio.get_running_loop().time() + _LISTS_STAND_FOR
    _of(client).lists_stand = None if since is None else (since, until)


async def ask_list(
    client: Client, question: Hashable, ask: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Return a page of a list, shared with those who ask for the same one.

    A look for what changed is never given what stood before it: that it stands is what it finds.
    """
    asking = _of(client)
    stands = None if _LINE.get() is Line.LIVE else asking.lists_stand
    if stands is None or asyncio.get_running_loop().time() > stands[1]:
        return await asking.same.ask(question, ask)
    return await asking.same.ask_unless_kept(question, stands[0], ask)


def _of(client: Client) -> _Asking:
    return _ASKED.setdefault(client, _Asking())


async def query(client: Client, asked: Question, within: timedelta) -> Any:
    """Return what a worker answers, begun no earlier than this call, for all who ask it now.

    In a list, what an incident answered to another list a moment ago is good enough. Raises
    ``NoWorkerAnswers`` where nobody is there, ``AnswersLate`` where it takes longer than
    *within*, its turn included.
    """
    line = _LINE.get()
    within = min(within, _LISTED_WITHIN) if line is Line.LISTS else within

    async def ask() -> Any:
        handle = client.get_workflow_handle(asked.incident, run_id=asked.run_id)
        async with _of(client).turns[line]:
            for _ in range(_TRIES - 1):
                # A worker that has just taken over refuses what a query alone made of the history.
                with suppress(WorkflowQueryFailedError):
                    return await handle.query(
                        asked.name, args=list(asked.arguments), rpc_timeout=within
                    )
            return await handle.query(asked.name, args=list(asked.arguments), rpc_timeout=within)

    try:
        async with temporal_answers(asked.incident), asyncio.timeout(within.total_seconds()):
            if line is Line.LISTS and asked.name in _SHOWN_IN_LISTS:
                since = _of(client).young_enough(asked.incident)
                return await asked_of(client).ask_unless_kept((asked, line), since, ask)
            return await asked_of(client).ask((asked, line), ask)
    except (AnswersLate, TimeoutError) as error:
        raise await who_is_silent(client, asked.incident) from error


async def who_is_silent(client: Client, incident: str) -> NoWorkerAnswers:
    """Return whether no worker is there for *incident*, or those that are there answer late."""
    if not await _a_worker_polls(client, incident):
        return _nobody(incident)
    return _late(incident)


def _late(incident: str) -> AnswersLate:
    return AnswersLate(
        "it was not answered in time: Temporal and the workers have much to do, or one has just "
        "gone; the incident itself is safe in Temporal",
        where=incident,
        next_step="ask again in some seconds; more workers answer more (`hemostat worker`).",
    )


async def _a_worker_polls(client: Client, incident: str) -> bool:
    """Whether a worker asked for work of this incident's kind of late; False if nobody says."""
    try:
        async with asyncio.timeout(_LOOK_WITHIN.total_seconds()):
            told = await client.get_workflow_handle(incident).describe(rpc_timeout=_LOOK_WITHIN)
            request = DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=told.task_queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
            queue = await client.workflow_service.describe_task_queue(request, timeout=_LOOK_WITHIN)
    except TimeoutError:
        return True  # not even Temporal answers soon: nothing says that the workers are gone
    except RPCError as error:
        return error.status is RPCStatusCode.DEADLINE_EXCEEDED
    late = datetime.now(UTC) - _POLLED_WITHIN
    return any(one.last_access_time.ToDatetime(UTC) > late for one in queue.pollers)


def _nobody(incident: str) -> NoWorkerAnswers:
    return NoWorkerAnswers(
        "no worker answers for it; the incident itself is safe in Temporal",
        where=incident,
        next_step="start one: `hemostat worker` (or `hemostat up`).",
    )


@asynccontextmanager
async def temporal_answers(incident: str = "") -> AsyncIterator[None]:
    """Say in our words what kept Temporal or the worker from answering."""
    try:
        yield
    except WorkflowQueryFailedError as error:
        raise SystemUnreachable(
            "the worker could not answer for it",
            where=incident,
            next_step="see the worker's log; it may run another version of the playbook.",
        ) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and error.message.startswith("Namespace "):
            raise SystemUnreachable(
                "Temporal does not serve the namespace",
                where="Temporal",
                next_step="set TEMPORAL_NAMESPACE, or let `hemostat worker` create it.",
            ) from error
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchIncident(
                "there is no such incident",
                where=incident,
                next_step="`hemostat incidents` lists them.",
            ) from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise BadInput(
                "Temporal does not understand what was asked",
                where=incident or "the filters or the cursor",
                next_step="begin again from the first page.",
            ) from error
        if incident and error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise _nobody(incident) from error
        if incident and error.status in _LATE:
            raise _late(incident) from error
        raise SystemUnreachable(
            f"Temporal refused to answer ({error.status.name})",
            where="Temporal",
            next_step="see `hemostat check`.",
        ) from error
