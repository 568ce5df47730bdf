"""Follows a run's history as it grows: each new event is here milliseconds after it is there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from schemas import visibility
from schemas.audit.checkpoint import Outcome
from schemas.audit.wire import read_event

INPUT: Final = 6
"""The field of a start event's attributes that holds the workflow's input."""

_ENDS: Final = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: Outcome.COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: Outcome.FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: Outcome.CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: Outcome.TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: Outcome.TIMED_OUT,
}


@dataclass
class Lag:
    """How long after its time an event was here, in seconds; of events that came live."""

    worst: float = 0.0
    seen: int = 0
    all: list[float] = field(default_factory=list)

    def note(self, event: HistoryEvent) -> None:
        """Take the time of one event that has just arrived."""
        late = (datetime.now(UTC) - event.event_time.ToDatetime(UTC)).total_seconds()
        self.worst, self.seen = max(self.worst, late), self.seen + 1
        self.all = [*self.all[-999:], late]


async def pages(
    client: Client, incident: str, run: str, idle: float, stirred: asyncio.Event
) -> AsyncIterator[Sequence[HistoryEvent]]:
    """Yield the events of *run* as they come, from the first, until its last.

    Yields nothing, an empty page, when none came for *idle* seconds. Where *stirred* is set while
    it waits, it asks anew: a reset ends a run without waking those who wait for its events. Raises
    ``RPCError``.
    """
    handle = client.get_workflow_handle(incident, run_id=run)
    history = handle.fetch_history_events(wait_new_event=True)
    while True:
        fetched = asyncio.ensure_future(history.fetch_next_page())
        stir = asyncio.ensure_future(stirred.wait())
        try:
            while not fetched.done() and not stir.done():
                await asyncio.wait(
                    [fetched, stir], timeout=idle, return_when=asyncio.FIRST_COMPLETED
                )
                if not fetched.done() and not stir.done():
                    yield ()
            if not fetched.done():
                stirred.clear()
                continue
            await fetched
        finally:
            fetched.cancel()
            stir.cancel()
        yield tuple(history.current_page or ())
        if history.next_page_token is None:
            return


async def whole(client: Client, incident: str, run: str) -> list[bytes]:
    """Return the bytes of every event that *run* has by now."""
    handle = client.get_workflow_handle(incident, run_id=run)
    return [event_bytes(event) async for event in handle.fetch_history_events()]


@dataclass(frozen=True)
class Opening:
    """What the first event of a run says of its incident."""

    first_run: str
    drill: bool


async def opening_of(client: Client, incident: str, run: str) -> Opening:
    """Return what opened *incident*, as the first event of one of its runs says; ``RPCError``."""
    handle = client.get_workflow_handle(incident, run_id=run)
    async for event in handle.fetch_history_events(page_size=1):
        first = event.workflow_execution_started_event_attributes.first_execution_run_id
        given = read_event(event_bytes(event)).payloads(INPUT)
        drill = bool(given) and isinstance(given[0], dict) and given[0].get("drill") is True
        return Opening(first or run, drill)
    return Opening(run, drill=False)


def event_bytes(event: HistoryEvent) -> bytes:
    """Return the bytes that are chained for *event*."""
    return event.SerializeToString(deterministic=True)


def outcome_of(event: HistoryEvent) -> Outcome | None:
    """Return how *event* ends the incident; None if it does not."""
    return _ENDS.get(event.event_type)


def goes_on_in(event: HistoryEvent) -> str | None:
    """Return the run in which the incident goes on after *event*, or None."""
    following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return following or None


def asks_people(event: HistoryEvent) -> bool:
    """Whether *event* is about a gate: somebody is waited for, or somebody spoke."""
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        return event.workflow_execution_signaled_event_attributes.signal_name != "alert"
    if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
        said = event.upsert_workflow_search_attributes_event_attributes.search_attributes
        return visibility.WAITING_FOR.name in said.indexed_fields
    return False
