"""A playbook is loaded once to see that it can be, and its refusal is told every time."""

from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.worker import WorkflowInstance, WorkflowRunner

from hemostat.audit.replay.today import runner
from hemostat.audit.replay.watching import PreparedOnce


class _Counting(WorkflowRunner):
    """Counts what it is asked for, and refuses ``bytes``."""

    def __init__(self) -> None:
        self.prepared: list[type] = []
        self.made = 0

    def prepare_workflow(self, defn: Any) -> None:
        self.prepared.append(defn.cls)
        if defn.cls is bytes:
            raise RuntimeError("it cannot be loaded")

    def create_instance(self, det: Any) -> WorkflowInstance:
        self.made += 1
        return det  # type: ignore[no-any-return]  # whatever is made, it is handed on


def test_a_playbook_is_prepared_once_and_made_as_often_as_asked() -> None:
    counting = _Counting()
    once: Any = PreparedOnce(counting)
    for _ in range(3):
        once.prepare_workflow(SimpleNamespace(cls=str))
        once.prepare_workflow(SimpleNamespace(cls=int))
        assert once.create_instance("details") == "details"
    assert (counting.prepared, counting.made) == ([str, int], 3)


def test_what_cannot_be_prepared_is_refused_every_time() -> None:
    once: Any = PreparedOnce(_Counting())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="cannot be loaded"):
            once.prepare_workflow(SimpleNamespace(cls=bytes))


def test_a_process_has_one_runner_for_all_that_it_replays() -> None:
    assert runner() is runner()
