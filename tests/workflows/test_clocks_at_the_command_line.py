"""``hemostat clocks`` and ``hemostat determine`` against an incident that runs."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.client import Client

from hemostat.cli import approvals, run
from hemostat.incidents.incident_row import IncidentRow
from schemas import visibility
from schemas.clocks.states import ClockState
from tests.workflows.case import Case
from tests.workflows.counsel import Counsel, alert_now, under

pytestmark = pytest.mark.temporal

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def address(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line reaches the tests' Temporal."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", client.namespace)


async def hemostat(*arguments: str) -> int:
    """Run a command beside the incident."""
    return await asyncio.to_thread(run, arguments)


async def told(capsys: Said, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a command with ``--json``; return its status and document."""
    capsys.readouterr()
    status = await hemostat(*arguments, "--json")
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, document


async def test_counsel_sees_the_clocks_and_determines_by_command(
    client: Client, queue: str, capsys: Said
) -> None:
    case = await Case.open(
        client, queue, alert_now(), playbook="triage", of=under("nis2-23-4a", "sec")
    )
    counsel, incident = Counsel(case), case.handle.id
    await counsel.until("nis2-23-4a", lambda r: bool(r.readings and r.readings.legal))

    assert await hemostat("clocks", incident) == 0
    said = capsys.readouterr().out
    assert "not legal advice" in said
    assert "if it applies, due " in said
    assert "the incident stays open for: nis2-23-4a, sec-8k-105" in said

    reason = ("--reason", "seen")
    determine = ("determine", incident, "nis2-23-4a")
    status, document = await told(capsys, *determine, "applicability", "applies", *reason)
    assert (status, document["accepted"]) == (0, True)
    assert "not legal advice" in document["notice"]
    assert document["clocks"][0]["state"] == ClockState.ANCHOR_MISSING

    refused = (*determine, "applicability", "applies", "--role", "commander", *reason)
    status, document = await told(capsys, *refused)
    assert (status, document["accepted"]) == (1, False)
    assert document["journal"]["data"]["refusal"] == "not-the-role"

    assert await hemostat(*determine, "awareness", "yesterday", *reason) == 1
    assert "refused: A determination changed nothing: no-moment" in capsys.readouterr().out
    assert await hemostat(*determine, "guess", "x", *reason) == 2
    assert await hemostat("determine", incident, "NIS 2", "filed", "x", *reason) == 2
    assert "not understood: clock" in capsys.readouterr().err


async def test_what_waits_for_counsel_is_listed_though_it_is_no_gate(
    client: Client, queue: str, capsys: Said
) -> None:
    case = await Case.open(client, queue, alert_now(), playbook="triage", of=under("nis2-23-4a"))
    await case.approve("close")
    await case.said("Closing waits for counsel")
    described = await case.handle.describe()
    waiting = described.typed_search_attributes[visibility.WAITING_FOR]
    assert "counsel" in waiting
    row = IncidentRow(
        id=case.handle.id,
        run_id="",
        open=True,
        status="running",
        playbook="triage",
        service="sentiment-api",
        phase=None,
        severity=None,
        containment=None,
        waiting_for=tuple(waiting),
        drill=False,
        opened_at=described.start_time,
        closed_at=None,
    )
    *_, listed = approvals._gates(row, await case.view(), as_json=False)
    assert (listed["gate"], listed["roles"]) == (None, ["counsel"])
    assert f"hemostat clocks {case.handle.id}" in capsys.readouterr().out


async def test_an_incident_without_regimes_says_so(
    client: Client, queue: str, capsys: Said
) -> None:
    case = await Case.open(client, queue, playbook="triage")
    await case.gate("close")
    assert await hemostat("clocks", case.handle.id) == 0
    assert "declares no legal regimes" in capsys.readouterr().out
    _, document = await told(capsys, "clocks", case.handle.id)
    assert document["clocks"] == []
