"""When the harm began is told from Temporal itself as it is from a pack: by its events, run by run."""

from collections.abc import AsyncIterator
from typing import Any, cast

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from hemostat.audit.account.harm import harm_in_history
from hemostat.audit.account.reading import _surveys
from tests.audit.histories import events_of, packed
from tests.replay.record import HISTORIES


class Temporal:
    """Serves histories by their run ids, the newest where none is named."""

    def __init__(self, *histories: WorkflowHistory) -> None:
        self._by_run = {history.run_id: history for history in histories}
        self._newest = histories[-1] if histories else None

    def get_workflow_handle(self, _: str, *, run_id: str | None = None) -> "Served":
        return Served(self._by_run.get(run_id) if run_id else self._newest)


class Served:
    def __init__(self, history: WorkflowHistory | None) -> None:
        self._history = history

    async def fetch_history_events(self) -> AsyncIterator[HistoryEvent]:
        if self._history is None:
            raise RPCError("no such run", RPCStatusCode.NOT_FOUND, b"")
        for event in self._history.events:
            yield event


def recorded(name: str) -> list[WorkflowHistory]:
    return [packed(events_of(file)) for file in sorted((HISTORIES / name).iterdir())]


async def told(*histories: WorkflowHistory) -> list[bytes]:
    return await _surveys(cast("Client", cast("Any", Temporal(*histories))), "i-1")


async def test_who_got_documents_first_is_told_by_what_temporal_serves() -> None:
    (history,) = recorded("assistant-exfiltration/filed")
    found = harm_in_history(await told(history))
    assert found
    assert found == harm_in_history(e.SerializeToString() for e in history.events)


async def test_all_runs_are_read_and_what_is_gone_tells_nothing() -> None:
    runs = recorded("feedback-poisoning/by_people_in_many_runs")
    assert len(runs) > 1
    assert len(await told(*runs)) == sum(len(run.events) for run in runs)
    assert len(await told(*runs[1:])) == sum(len(run.events) for run in runs[1:])
    assert await told() == []
