"""The command line at a real gateway: signed in by the device flow, it reads and decides as a person."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hemostat.cli import run
from hemostat.identity.tokens import TokenBook
from hemostat.incidents import journal_from
from hemostat.remote.signed_in import logins
from schemas.journal import Entry, Kind
from schemas.signed_statement import read
from tests.real.api.conftest import Stage

pytestmark = [pytest.mark.real, pytest.mark.temporal]

Told = tuple[int, Any]
Hemostat = Callable[..., Awaitable[Told]]


@pytest.fixture
def hemostat(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Hemostat:
    """Runs a command with ``--json``, with a state folder of its own and no Temporal to speak to."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")

    async def ran(*arguments: str) -> Told:
        capsys.readouterr()
        status = await asyncio.to_thread(run, [*arguments, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return ran


async def lent_by(stage: Stage, person: str) -> None:
    """Say yes, as the person does in their browser, to the terminal that waits."""
    book = stage.made.state_folder / "identity" / "tokens.json"
    async with asyncio.timeout(30):
        while True:
            devices = (
                TokenBook.model_validate_json(book.read_bytes()).devices if book.exists() else {}
            )
            for device in devices.values():
                if device.who is None and stage.identity.tokens.answer(
                    device.user_code, stage.who(person)
                ):
                    return
            await asyncio.sleep(0.05)


async def decision_of(stage: Stage, incident: str, decision: str) -> Entry:
    entries = await journal_from(stage.served.client, incident, 0)
    return next(e for e in entries if e.data.get("decision") == decision)


async def test_a_person_signs_in_reads_decides_and_signs_out(
    stage: Stage, hemostat: Hemostat
) -> None:
    url = stage.served.url
    (status, told), _ = await asyncio.gather(hemostat("login", url), lent_by(stage, "o1"))
    assert (status, told["server"], told["person"]) == (0, url, "o1")
    file = logins().file
    assert file.stat().st_mode & 0o777 == 0o600
    token = logins().read().servers[url].token

    incident = await stage.served.alert()
    await stage.served.gate_opens(incident, "confirm-known-good")
    status, rows = await hemostat("incidents")
    assert status == 0
    assert incident in {row["id"] for row in rows}
    status, waits = await hemostat("approvals", "--mine")
    mine = [gate for gate in waits if gate["incident"] == incident]
    assert {gate["gate"] for gate in mine} >= {"acknowledge", "confirm-known-good"}
    assert all(gate["yours_as"] == ["ml-on-call"] for gate in mine)

    status, told = await hemostat(
        "decide", incident, "acknowledge", "approve", "--reason", "on it", "--yes"
    )
    assert (status, told["accepted"]) == (0, True), told
    counted = await decision_of(stage, incident, told["decision"]["decision_id"])
    assert (counted.kind, counted.data["actor"]) == (Kind.DECISION, "o1")
    taken = read(str(counted.data["statement"]))
    assert taken is not None
    assert (taken.statement.method, taken.statement.subject) == ("password", "local:o1")

    status, told = await hemostat("decide", incident, "acknowledge", "approve", "--reason", "again")
    assert (status, told["error"]) == (1, "this gate is not open")
    said = ("attest", incident, "nothing-such", "--role", "ml-on-call", "--reason", "outside")
    status, told = await hemostat(*said)
    assert (status, told["accepted"]) == (1, False), told

    status, shown = await hemostat("show", incident)
    assert (status, shown["incident"]["id"]) == (0, incident)
    assert counted.seq in {entry["seq"] for entry in shown["journal"]}
    assert not re.search(re.escape(token), json.dumps([rows, waits, told, shown]))

    status, told = await hemostat("logout")
    assert (status, told["ended_there"]) == (0, True)
    assert stage.identity.tokens.whose(token) is None
    assert token not in file.read_text()
    status, told = await hemostat("incidents", "--server", url)
    assert (status, told["error"]) == (2, "you are not signed in there")


async def test_what_is_not_yours_or_not_there_is_told_and_changes_nothing(
    stage: Stage, hemostat: Hemostat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", stage.token("s1"))
    status, told = await hemostat("login", stage.served.url, "--token", "env:A_TOKEN")
    assert (status, told["person"]) == (0, "s1")
    incident = await stage.served.alert()
    await stage.served.gate_opens(incident, "acknowledge")
    status, told = await hemostat(
        "decide", incident, "acknowledge", "approve", "--reason", "mine?", "--role", "ml-on-call"
    )
    assert (status, told["accepted"]) == (1, False), told
    assert "not yours" in told["says"]
    status, told = await hemostat("show", "feedback-poisoning-none")
    assert (status, told["error"]) == (2, "there is no such incident")
    status, told = await hemostat("approvals", "--as", "o1")
    assert status == 2
    status, told = await hemostat(
        *("decide", incident, "acknowledge", "approve", "--reason", "as them", "--as", "o1")
    )
    assert (status, "signed in as s1" in told["error"]) == (2, True)
    entries = await journal_from(stage.served.client, incident, 0)
    assert not [e for e in entries if e.kind is Kind.DECISION]
    stage.identity.tokens.end_all_of("local:s1")
    stage.tokens.pop("s1")
    status, told = await hemostat("incidents")
    assert (status, told["error"]) == (2, "your sign-in there is over, or was ended")
