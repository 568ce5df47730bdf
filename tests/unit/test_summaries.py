"""What a list asks workers: once for all who look, and nobody waits for an incident that is silent."""

import asyncio
import time
from typing import Any, cast

import pytest
from temporalio.client import Client

from hemostat import incidents
from hemostat.console import summaries
from hemostat.console.summaries import Summaries
from schemas.clocks.view import ClocksView
from schemas.incident import IncidentView
from tests.unit.console_desk import Desk, incident

CLIENT = cast("Client", None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that workers were asked about; those that begin with ``silent`` never answer."""
    ids: list[str] = []

    async def view(client: Client, id_: str) -> IncidentView:
        ids.append(id_)
        if id_.startswith("silent"):
            await asyncio.Event().wait()
        return incident("harmless")

    async def clocks(*_: Any) -> ClocksView:
        return ClocksView()

    monkeypatch.setattr(incidents, "view", view)
    monkeypatch.setattr(incidents, "legal_clocks", clocks)
    monkeypatch.setattr(summaries, "WITHIN", 0.2)
    monkeypatch.setattr(summaries, "SILENT_FOR", 1000.0)
    return ids


async def test_many_who_look_at_a_row_cost_one_question_and_a_changed_row_another(
    asked: list[str],
) -> None:
    known, row = Summaries(), Desk().row()
    found = await asyncio.gather(*(known.of(CLIENT, [row]) for _ in range(50)))
    assert all(row.id in one for one in found)
    assert len(asked) == 1
    await known.of(CLIENT, [row.model_copy(update={"waiting_for": ("commander",)})])
    assert len(asked) == 2


async def test_a_silent_incident_delays_a_list_once_and_briefly(asked: list[str]) -> None:
    known, row = Summaries(), Desk().row()
    rows = [
        row.model_copy(update={"id": f"{name}-{at}", "run_id": f"{name}-{at}"})
        for at in range(30)
        for name in ("silent", "well")
    ]
    began = time.monotonic()
    found = await known.of(CLIENT, rows)
    assert {id_ for id_ in found if id_.startswith("silent")} == set()
    assert time.monotonic() - began < 2
    while sum(id_.startswith("silent") for id_ in asked) < 30:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.25)  # longer than a list waits: from here on they are known as silent
    began = time.monotonic()
    for _ in range(20):
        found = await known.of(CLIENT, rows)
    assert len([id_ for id_ in found if id_.startswith("well")]) == 30
    assert time.monotonic() - began < 2
    assert sum(id_.startswith("silent") for id_ in asked) == 30
