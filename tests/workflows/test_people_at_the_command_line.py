"""The commands with which people speak, and ``show --follow``, against an incident that runs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from hemostat.cli import run
from hemostat.keys import create_key, load_key
from tests.workflows.case import Case
from tests.workflows.roster import staffed
from tests.workflows.voice import Voice

pytestmark = pytest.mark.temporal

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def address(client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command line reaches the tests' Temporal."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", client.namespace)
    (tmp_path / "hemostat.toml").write_text("")
    monkeypatch.setenv("HEMOSTAT_CONFIG", str(tmp_path / "hemostat.toml"))


async def test_people_speak_by_command_with_their_own_keys_and_are_told_what_became_of_it(
    client: Client, queue: str, capsys: Said, tmp_path: Path
) -> None:
    people = ("c1", "m1", "o2", "z1")
    for person in people:
        create_key(tmp_path / f"{person}.pem", person)
    keys = tuple(load_key(tmp_path / f"{person}.pem", person) for person in people)
    case = await Case.open(client, queue, of=staffed(), voice=Voice(also_trusted=keys))
    incident = case.handle.id

    async def told(person: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        key = str(tmp_path / f"{person}.pem")
        by = ("--as", person, "--key", key, "--reason", "so it is", "--json")
        capsys.readouterr()
        status = await asyncio.to_thread(run, [*arguments, *by])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return status, document["journal"]["data"] if document["journal"] else document

    gate = "rescore-decisions"
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.gate(gate)
    status, _ = await told("m1", "decide", incident, gate, "approve", "--role", "ml-lead")
    assert status == 0
    status, entry = await told("m1", "withdraw", incident, gate)
    assert (status, entry["gate"]) == (0, gate)
    status, entry = await told("m1", "withdraw", incident, gate)
    assert (status, entry["refusal"]) == (1, "not-under-way")
    status, entry = await told("m1", "break-glass", incident, gate)
    assert (status, entry["refusal"]) == (1, "not-the-role")
    status, entry = await told("o2", "break-glass", incident, gate)
    assert (status, entry["actor"]) == (0, "o2")
    status, entry = await told("m1", "attest", incident, "rescore", "--role", "ml-lead")
    assert (status, entry["refusal"]) == (1, "not-under-way")
    status, entry = await told("c1", "grade", incident, "--fact", "protected_data_out=yes")
    assert (status, entry["facts"]["protected_data_out"]) == (0, "yes")
    status, document = await told("c1", "grade", incident, "--fact", "protected_data_out=yes")
    assert (status, document["says"]) == (0, "It was so already; nothing changed.")
    status, entry = await told("z1", "suspect", incident, "m1", "--role", "ciso")
    assert (status, entry["role"]) == (0, "ciso")
    assert "unauthenticated" not in await case.refusals()


async def test_follow_tells_the_whole_journal_once_until_the_incident_closes(
    client: Client, queue: str, capsys: Said
) -> None:
    case = await Case.open(client, queue, playbook="triage")
    await case.gate("close")
    following = asyncio.create_task(
        asyncio.to_thread(run, ["show", case.handle.id, "--follow", "--json"])
    )
    await asyncio.sleep(0)
    await case.approve("close")
    await case.result()
    assert await asyncio.wait_for(following, 20) == 0
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [entry["seq"] for entry in told] == list(range(len(told)))
    assert told == [entry.model_dump(mode="json") for entry in await case.journal()]
    assert told[-1]["kind"] == "closed"
