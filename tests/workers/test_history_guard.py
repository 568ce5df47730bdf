"""What a cached run may go on from, told by the activations that Temporal's core was seen to give.

The real thing, a worker killed while people look, is in tests/crash.
"""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from workers.history_guard import AheadOfHistory, HistoryGuard

BEGAN = datetime(2026, 11, 22, 9, tzinfo=UTC)


def task(events: int, *, second: float, replaying: bool = False) -> WorkflowActivation:
    given = WorkflowActivation(run_id="r", history_length=events, is_replaying=replaying)
    given.timestamp.FromDatetime(BEGAN + timedelta(seconds=second))
    given.jobs.add().resolve_activity.seq = 1
    return given


def query(events: int, *, second: float, asked: str = "legacy_query") -> WorkflowActivation:
    given = task(events, second=second, replaying=True)
    del given.jobs[:]
    given.jobs.add().query_workflow.query_id = asked
    return given


class Run:
    """A cached run that only counts."""

    def __init__(self) -> None:
        self.activations = 0
        self.give = HistoryGuard(self._activate)

    def _activate(self, given: WorkflowActivation) -> WorkflowActivationCompletion:
        self.activations += 1
        return WorkflowActivationCompletion(run_id=given.run_id)


def test_a_run_that_this_worker_began_is_never_held_up() -> None:
    run = Run()
    for events, second in ((3, 0), (9, 1), (15, 2)):
        run.give(task(events, second=second))
        run.give(query(events, second=second))
    assert run.activations == 6


def test_a_query_of_a_history_that_is_whole_is_answered() -> None:
    run = Run()
    run.give(task(4, second=0, replaying=True))
    run.give(task(20, second=1, replaying=True))
    for _ in range(3):
        run.give(query(20, second=1))
    assert run.activations == 5


def test_events_of_a_task_that_has_not_begun_are_not_applied() -> None:
    run = Run()
    run.give(task(40, second=1, replaying=True))
    run.give(query(40, second=1))
    with pytest.raises(AheadOfHistory):
        run.give(task(44, second=1))


def test_a_query_is_refused_where_the_last_task_may_have_died_with_another_worker() -> None:
    run = Run()
    run.give(task(40, second=1, replaying=True))
    run.give(task(45, second=2))
    with pytest.raises(AheadOfHistory):
        run.give(query(45, second=2))


def test_a_second_task_shows_that_the_first_one_was_this_workers() -> None:
    run = Run()
    run.give(task(40, second=1, replaying=True))
    run.give(task(45, second=2))
    run.give(task(45, second=2))  # another activation of the same task shows nothing
    run.give(task(51, second=3))
    run.give(query(51, second=3))
    assert run.activations == 5


def test_a_query_that_came_with_a_task_shows_it_too() -> None:
    run = Run()
    run.give(task(40, second=1, replaying=True))
    run.give(task(45, second=2))
    run.give(query(45, second=2, asked="7f3a"))
    run.give(query(45, second=2))
    assert run.activations == 4
