"""Keeps a run from going on from what a query alone made of its history.

A query that reaches a worker which does not hold the run is answered by replaying the history as
the server has it at that moment. That may end in the midst of a workflow task which is still to
begin, or which died with another worker; Temporal's core (seen in 1.35) then applies those events
with a wrong clock, keeps the run in its cache and lets the next task go on from there. The
journal in that cache has times which no replay will ever show again, so its chain would be proven
false by its own history. The SDK reports no nondeterminism: the commands are the same.

Law: such a run is thrown away (an activation that fails is evicted from the cache), the query is
refused, and whoever asks again gets an answer from the history as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

Activate = Callable[[WorkflowActivation], WorkflowActivationCompletion]

_QUERY_TASK = "legacy_query"
"""The id of a query that came as a task of its own, not together with a workflow task."""


class AheadOfHistory(Exception):
    """What was to be shown or decided rests on a workflow task that may not count."""


@dataclass(frozen=True)
class _Seen:
    at: int
    events: int
    live: bool
    """Whether it was not a replay of a task that is known to have completed."""


class HistoryGuard:
    """Stands before one cached run. Two signs, of which each is enough.

    - A live activation brings more events at the same instant: a task that began has its own.
    - The first live activation of a run that was replayed is followed by a query task: then that
      activation may have been made for the query. A following task shows that it was not.
    """

    def __init__(self, activate: Activate) -> None:
        self._activate = activate
        self._last: _Seen | None = None
        self._counts = False
        """Whether this worker is known to be the one that carries the run on."""

    def __call__(self, given: WorkflowActivation) -> WorkflowActivationCompletion:
        """Activate the run, or raise ``AheadOfHistory``."""
        queries = [j.query_workflow.query_id for j in given.jobs if j.HasField("query_workflow")]
        if not queries:
            self._look(given)
        elif _QUERY_TASK not in queries:
            self._counts = True  # asked together with a workflow task: that one is real
        elif self._last is not None and self._last.live and not self._counts:
            raise AheadOfHistory("this answer may rest on a task that did not count; ask again")
        return self._activate(given)

    def _look(self, given: WorkflowActivation) -> None:
        last = self._last
        now = _Seen(given.timestamp.ToNanoseconds(), given.history_length, not given.is_replaying)
        if last is None:
            self._counts = now.live
        elif now.events > last.events:
            if now.live and now.at == last.at:
                raise AheadOfHistory("events of a task that has not begun")
            self._counts = self._counts or last.live
        self._last = now
