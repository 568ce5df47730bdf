"""A list does not wait for incidents that do not answer, and hides them."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client

from hemostat.desk import access
from hemostat.desk.access import Access
from hemostat.incidents.incident_row import IncidentRow
from hemostat.settings import Settings
from schemas.incident import Sight
from schemas.who import Who

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WHO = Who(
    person="ic-1",
    subject="local:ic-1",
    roles=("commander",),
    method="own-key",
    authenticated_at=NOW,
)


def row(id_: str, restricted: bool | None) -> IncidentRow:
    return IncidentRow(
        id=id_, run_id=id_, open=True, status="RUNNING", playbook="p", service="s", phase=None,
        severity=None, containment=None, waiting_for=(), drill=False, restricted=restricted,
        opened_at=NOW, closed_at=None,
    )  # fmt: skip


async def test_a_silent_incident_is_left_out_soon_and_the_others_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def sight(client: Client, id_: str, *_: Any) -> Sight:
        if id_.startswith("silent"):
            await asyncio.Event().wait()
        return Sight(excluded=False, asked=False)

    monkeypatch.setattr(access, "sight", sight)
    monkeypatch.setattr(access, "LISTED_WITHIN", timedelta(seconds=0.05))
    rows = [row("for-all", False), row("silent-1", True), row("known", True), row("silent-2", None)]
    began = time.monotonic()
    seen = await Access(Settings.parse("")).visible(cast("Client", None), WHO, rows)
    assert [one.id for one in seen] == ["for-all", "known"]
    assert time.monotonic() - began < 5
