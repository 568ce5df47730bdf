"""A script for the benchmark's floor is one that goes to containment by itself."""

from typing import Any

import pytest

from bench.script import goes_to


def _call(number: int, port: str) -> dict[str, Any]:
    return {"call": [f"{port} {number}", port, {}]}


ISOLATE = {"after": [], "do": [_call(1, "isolate_endpoint"), _call(2, "watch_endpoint")]}
LOOK = {"after": ["isolate_endpoint 1"], "do": [{"sleep": ["sleep 3", 0.1]}]}
READ = {"after": ["sleep 3"], "do": [_call(4, "read_endpoint")]}


def test_a_script_that_waits_for_its_own_calls_alone_goes_to_what_follows() -> None:
    assert goes_to([ISOLATE, LOOK, READ], "read_endpoint")


@pytest.mark.parametrize("other", ["decide 1", "watch_endpoint 2", "page 9"])
def test_a_script_that_waits_there_for_a_decision_a_watch_or_what_they_cause_does_not(
    other: str,
) -> None:
    page = {"after": ["decide 1"], "do": [_call(9, "page")]}
    look = {"after": ["isolate_endpoint 1", other], "do": [{"sleep": ["sleep 3", 0.1]}]}
    assert not goes_to([ISOLATE, page, look, READ], "read_endpoint")


def test_what_waits_for_people_afterwards_is_no_matter() -> None:
    after = {"after": ["read_endpoint 4", "decide 1"], "do": [_call(5, "restore_endpoint")]}
    assert goes_to([ISOLATE, LOOK, READ, after], "read_endpoint")
