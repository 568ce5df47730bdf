"""Side doors: cursors, the environment of children, the log, files that tell of an incident."""

import asyncio
import io
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client

from hemostat.audit.pack.writer import write_pack
from hemostat.cli import log_to_stderr
from hemostat.desk import access, desk, listing
from hemostat.desk.access import Access
from hemostat.desk.listing import Cursor, Cursors, NoSuchPlace, one_page
from hemostat.identity.sealed import SealedCookie
from hemostat.incidents.incident_row import IncidentRow
from hemostat.private_file import write_private
from hemostat.processes import ChildProcess
from schemas.audit.manifest import Manifest
from schemas.incident import Sight
from schemas.who import Who
from tests.unit.api_stage import on_stage
from tests.unit.console_desk import ID

KEY = bytes(range(32))
WHO = Who(person="at-1", subject="s", roles=(), method="token", authenticated_at=datetime.now(UTC))


def row(name: str, *, restricted: bool = False) -> IncidentRow:
    return IncidentRow(
        id=name, run_id=f"run-of-{name}", open=True, status="Running", playbook="triage",
        service="s", phase=None, severity=None, containment=None, waiting_for=(), drill=False,
        restricted=restricted, opened_at=datetime.now(UTC), closed_at=None,
    )  # fmt: skip


class NeedToKnow:
    """Whoever asks does not see what is restricted."""

    async def visible(self, _: Any, __: Who, rows: Sequence[IncidentRow]) -> list[IncidentRow]:
        return [one for one in rows if not one.restricted]


async def test_a_cursor_that_stands_at_a_hidden_incident_does_not_name_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [row("one"), row("hidden", restricted=True), row("two"), row("three")]

    async def page(
        client: Client, query: str, size: int, token: bytes | None
    ) -> tuple[list[IncidentRow], bytes | None]:
        at = json.loads(token)["At"] if token else 0
        there = rows[at : at + size]
        place = {"At": at + size, "RunID": there[-1].run_id}  # as Temporal's are
        return there, json.dumps(place).encode() if at + size < len(rows) else None

    monkeypatch.setattr(listing, "page", page)
    cursors, seen, given = Cursors(KEY), list[str](), list[str]()
    cursor: str | None = None
    while True:
        found = await one_page(
            cast("Client", None), cast("Access", NeedToKnow()), cursors, WHO, "", size=1,
            cursor=cursor,
        )  # fmt: skip
        seen += [one.id for one in found.incidents]
        if (cursor := found.next) is None:
            break
        given.append(cursor)
    assert seen == ["one", "two", "three"]
    opened = [SealedCookie("cursor", KEY, https=False).opened(one, Cursor) for one in given]
    assert b"hidden" in b"".join(one.place() or b"" for one in opened if one)  # so it matters
    with pytest.raises(NoSuchPlace):
        Cursors(bytes(32)).read(given[0])
    for text in (given[0][:-2], f"A{given[0]}", "e30", "AAAA", SealedCookie("session", KEY, https=False).sealed(Cursor())):  # fmt: skip
        with pytest.raises(NoSuchPlace):
            cursors.read(text)


async def test_a_program_of_others_is_given_no_secret_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER_TOKEN", "a-secret-of-ours")
    argv = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    told = {}
    for stranger in (False, True):
        log = tmp_path / f"{stranger}.log"
        child = await ChildProcess.start(
            "a child", argv, log=log, env={"GIVEN": "1"}, stranger=stranger
        )
        assert await child.wait() == 0
        told[stranger] = log.read_text()
    assert "PAGER_TOKEN" in told[False]
    assert "PAGER_TOKEN" not in told[True]
    assert "'PATH'" in told[True]
    assert "'GIVEN'" in told[True]


def test_what_a_line_of_the_log_quotes_neither_acts_nor_looks_like_the_next_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written, root = io.StringIO(), logging.Logger("root")  # noqa: LOG001 - one that no other test has
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(logging, "root", root)
    log_to_stderr()
    forged = "x\n2026-01-01 00:00:00,000 INFO hemostat all is well\r\x1b]0;owned\x07\x9b2J\u202e"
    try:
        raise ValueError(forged)
    except ValueError:
        root.exception("refused: %s", forged)
    lines = written.getvalue().splitlines()
    assert len([line for line in lines if not line.startswith("  ")]) == 1
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(written.getvalue())


def test_files_that_tell_of_an_incident_are_for_whoever_made_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        about = SimpleNamespace(
            incident="i", first_run="r", playbook="p", drill=True, closed=True, runs=(), members=(),
            opened_at="2026-11-22T08:00:00.000000Z",
        )  # fmt: skip
        write_pack(tmp_path / "pack.zip", Manifest(**vars(about)), {"code.json": lambda: [b"{}"]})
        write_private(tmp_path / "report.html", b"<p>")
        (tmp_path / "shared.html").touch(0o644)
        write_private(tmp_path / "shared.html", b"<p>")
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {"pack.zip": 0o600, "report.html": 0o600, "shared.html": 0o644}


async def test_an_id_that_was_guessed_is_answered_no_sooner_where_nothing_is_than_where_it_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def until(began: float) -> None:
        waited.append(began)

    monkeypatch.setattr(desk, "_until_the_next_stroke", until)
    monkeypatch.setattr(desk, "_GUESSED", re.compile("(assistant-exfiltration|feedback)-.*"))
    monkeypatch.setattr(access, "sight", nobody)
    async with on_stage(tmp_path, monkeypatch) as stage:
        hidden = stage.temporal.row().model_copy(update={"restricted": True})
        monkeypatch.setattr(stage.temporal, "row", lambda: hidden)
        bearer = stage.bearer("at-1")
        answers = [
            await stage.http.get(f"/api/v1/incidents/{incident}", headers=bearer)
            for incident in ("assistant-exfiltration-0123456789ab", ID, "no-such")
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert answers[0].content == answers[1].content
        assert len(waited) == 2


async def test_no_answer_comes_before_its_stroke() -> None:
    began = asyncio.get_running_loop().time()
    await desk._until_the_next_stroke(began)
    assert asyncio.get_running_loop().time() - began >= desk.STROKE_SECONDS - 0.001


async def nobody(*_: Any) -> Sight:
    return Sight(excluded=True, asked=False)
