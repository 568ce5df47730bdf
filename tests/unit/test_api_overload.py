"""A decision at the API while there is too much to do: handed over or not, and never left unsaid."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hemostat.desk import saying
from hemostat.incidents.asking import AnswersLate
from tests.unit.api_stage import Stage, on_stage
from tests.unit.console_desk import ID


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with on_stage(tmp_path, monkeypatch) as stage:
        yield stage


async def test_a_decision_whose_answer_is_late_was_handed_over_and_says_where_to_see_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(*_: Any) -> Any:
        raise AnswersLate("it was not answered in time")

    monkeypatch.setattr(saying, "became", late)
    person = stage.bearer("ic-1", "commander")
    answer = await stage.say("decisions", person, role="commander")
    assert (answer.status_code, answer.json()["taken"]) == (202, "not-looked-at")
    assert "handed over" in answer.json()["says"]
    assert "worker" not in answer.json()["says"]
    assert [name for name, _ in stage.temporal.signals] == ["decide"]
    told = await stage.http.get(answer.headers["location"], headers=person)
    assert told.status_code == 200
    assert told.json()["answer"]["taken"] == "counted"
    assert told.json()["answer"]["id"] == answer.json()["id"]


async def test_of_what_was_never_handed_over_nothing_became(stage: Stage) -> None:
    person = stage.bearer("ic-1", "commander")
    told = await stage.http.get(f"/api/v1/incidents/{ID}/said/never", headers=person)
    assert told.status_code == 404
    assert "so far" in told.json()["detail"]


@pytest.mark.parametrize("role", [None, "counsel"])
async def test_what_cannot_be_handed_over_is_503_with_a_time_to_come_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    async def late(*_: Any) -> Any:
        raise AnswersLate("it was not answered in time")

    # Without a role, or in one that is not the speaker's own, a look is needed beforehand.
    monkeypatch.setattr(saying, "view", late)
    answer = await stage.say("decisions", stage.bearer("ic-1", "commander"), role=role)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert stage.temporal.signals == []
