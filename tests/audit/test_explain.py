"""An auditor's questions are answered with the entries that show it, or not answered."""

import copy
import json
import random
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hemostat.audit.account.account import Account
from hemostat.audit.account.record import Record
from hemostat.audit.explain.answer import Answer
from hemostat.audit.explain.explanation import explain
from hemostat.audit.explain.page import page
from hemostat.audit.report.board import board
from hemostat.cli import run
from schemas.journal import Entry
from tests.audit.conftest import Room
from tests.audit.histories import events_of, packed, replayed
from tests.replay.record import HISTORIES


@cache
def _kept() -> dict[str, Account]:
    return {}


async def account_of(name: str) -> Account:
    if name not in _kept():
        files = sorted((HISTORIES / name).iterdir())
        runs = await replayed(*(packed(events_of(file)) for file in files))
        entries = [Entry.model_validate(entry) for run_ in runs for entry in run_.journal]
        _kept()[name] = Account(Record("histories", entries, runs=len(runs)))
    return _kept()[name]


async def answers(name: str) -> dict[str, Answer]:
    return {answer.id: answer for answer in explain(await account_of(name)).answers}


async def test_every_number_in_an_answer_is_an_entry_of_the_journal() -> None:
    for name in ("feedback-poisoning/by_people", "assistant-exfiltration/everything_revoked"):
        account = await account_of(name)
        known = {entry.seq for entry in account.record.entries}
        for answer in explain(account).answers:
            assert set(answer.entries) <= known
            assert answer.shown == "not shown" or answer.says


async def test_an_approval_names_who_in_which_role_and_what_was_shown() -> None:
    said = (await answers("feedback-poisoning/by_people"))["approvals"]
    first = said.points[0]
    assert "o1 as ml-on-call: approve at confirm-known-good, bound to what was shown" in first.says
    assert len(first.entries) == 2
    assert said.shown == "partly", "no statement was signed in that history"


async def test_broken_glass_and_a_deed_attested_outside_are_points_to_look_at() -> None:
    told = await answers("feedback-poisoning/by_people")
    assert any("The glass was broken" in point.says for point in told["authority"].concerns)
    assert any("done outside" in point.says for point in told["playbook"].concerns)


async def test_a_proof_that_failed_is_counted_and_the_time_of_proof_is_told() -> None:
    said = (await answers("feedback-poisoning/lying_gateway"))["effective"]
    assert any("attempts 3, proven" in point.says for point in said.points)
    assert any("looks did not show it" in point.says for point in said.points)


async def test_silence_is_told_where_it_let_something_proceed() -> None:
    said = (await answers("feedback-poisoning/nobody_answers"))["silence"]
    assert any("proceeded by silence" in point.says for point in said.concerns)


async def test_evidence_that_could_not_be_had_is_a_gap() -> None:
    said = (await answers("assistant-exfiltration/everything_revoked"))["complete"]
    assert any("Evidence is missing: memory" in point.says for point in said.concerns)


async def test_a_legal_clock_is_told_with_who_decided_and_what_was_to_spare() -> None:
    told = await answers("assistant-exfiltration/filed")
    said = {point.says.partition(":")[0]: point.says for point in told["clocks"].points}
    assert "filed, due" in said["gdpr-33"]
    assert "decided by counsel" in said["gdpr-33"]
    assert "to spare" in said["gdpr-33"]
    assert "not-applicable" in said["nis2-23-4a"]
    assert "decided by counsel" in said["nis2-23-4a"]
    denied = [point.says for point in told["negatives"].points]
    assert any("determined that nis2-23-4a does not apply" in says for says in denied)


async def test_what_no_entry_shows_is_said_to_be_not_shown() -> None:
    told = await answers("feedback-poisoning/resolved")
    for name in ("readers", "lessons", "generated", "clocks"):
        assert told[name].shown == "not shown"
        assert told[name].says.startswith("The record does not show this")


async def test_a_decision_bound_to_something_else_is_a_point_to_look_at() -> None:
    account = await account_of("feedback-poisoning/by_people")
    entries = list(account.record.entries)
    entries[47] = entries[47].model_copy(
        update={"data": {**entries[47].data, "digest": "sha256:" + "0" * 64}}
    )
    forged = explain(Account(Record("histories", entries)))
    told = {answer.id: answer for answer in forged.answers}
    assert "bound to something else" in told["approvals"].concerns[0].says
    assert told["altered"].says.startswith("Yes: journal entry 47")


async def test_sources_of_another_build_than_decided_are_not_passed_off_as_those_that_did() -> None:
    entries = (await account_of("feedback-poisoning/resolved")).record.entries
    code = {"workflows": "sha256:" + "1" * 64, "sealer_build": "b2", "same_build": True}
    for same, shown in ((True, "shown"), (False, "partly")):
        record = Record("pack", entries, code={**code, "same_build": same}, builds=("b1",))
        told = {answer.id: answer for answer in explain(Account(record)).answers}["playbook"]
        assert told.shown == shown
        concerns = [point.says for point in told.concerns if "what decided was" in point.says]
        assert len(concerns) == (not same)


async def test_a_look_is_told_with_its_port_and_connection_and_silence_with_its_deadline() -> None:
    told = await answers("adversarial-evasion/flagged_and_told_in_full")
    shown = [p.says for p in told["effective"].points if p.says.startswith("  shown by: ")]
    assert shown
    assert all("; " not in says or says.count(" (by ") > says.count("; ") for says in shown)
    assert "Each look is told with its port" in told["effective"].says
    (silent,) = [p.says for p in told["silence"].concerns if "proceeded by silence" in p.says]
    at, _, due = silent.partition(
        " to-fallback-rules proceeded by silence; an answer was due until "
    )
    assert datetime.fromisoformat(due) <= datetime.fromisoformat(at)


async def test_hostile_text_is_text_on_the_page() -> None:
    account = await account_of("feedback-poisoning/by_people")
    hostile = "<script>alert(1)</script>{{ 7*7 }}\x1b[31m\u202e"
    entries = [
        entry.model_copy(update={"data": {**entry.data, "actor": hostile, "name": hostile}})
        for entry in account.record.entries
    ]
    written = page(explain(Account(Record("histories", entries))))
    assert "<script>" not in written
    assert "&lt;script&gt;" in written
    assert "49" not in written.partition("&lt;script&gt;")[2][:40]
    assert "\x1b" not in written
    assert "\u202e" not in written


async def test_a_pack_is_explained_and_replayed(
    resolved: tuple[Room, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import asyncio  # noqa: PLC0415 - the commands run loops of their own

    room, incident = resolved
    pack = room.export(incident)
    written = tmp_path / "explained.html"
    arguments = ["audit", "explain", str(pack), "--html", str(written), "--json"]
    assert await asyncio.to_thread(run, arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["incident"] == incident
    assert said["drill"] is True
    assert "EXERCISE" in written.read_text()
    assert await asyncio.to_thread(run, ["audit", "replay", str(pack), "--json"]) == 0
    replay = json.loads(capsys.readouterr().out)
    assert replay["held"] is True
    assert replay["against"]["today"][0]["entries"] == said["journal_length"]


async def test_whatever_a_worker_wrote_into_the_journal_is_explained_without_a_crash() -> None:
    base = [
        e.model_dump(mode="json")
        for e in (await account_of("assistant-exfiltration/filed")).record.entries
    ]
    dice, told = random.Random(5), 0
    nasty: list[Any] = [
        None,
        -1,
        "",
        "9999-12-31T23:59:59.999999Z",
        ["x"],
        [None],
        {"a": 1},
        "a" * 300,
    ]
    for _ in range(30):
        entries = copy.deepcopy(base)
        for entry in dice.sample(entries, 40):
            if entry["data"]:
                entry["data"][dice.choice(list(entry["data"]))] = copy.deepcopy(dice.choice(nasty))
        account = Account(Record("pack", [Entry.model_validate(entry) for entry in entries]))
        told += len(page(explain(account))) > 0
        told += len(board(account, []).sections) > 0
    assert told == 60
