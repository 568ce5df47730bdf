"""``hemostat accounts``, and the first account that ``hemostat up`` makes."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hemostat.cli import run
from hemostat.cli.up import FIRST, _first_account
from hemostat.identity import secrets
from hemostat.identity.desk import accounts_of
from hemostat.settings import Settings
from hemostat.up import Running
from hemostat.up.first_settings import write_first_settings
from schemas.errors import ConfigurationError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMOSTAT_CONFIG", raising=False)
    monkeypatch.setattr(secrets, "_N", 16)
    write_first_settings(tmp_path / "hemostat.toml")


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_accounts_are_added_listed_reset_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    added = ran(capsys, "accounts", "add", "ml-1", "--role", "ml-lead")
    ran(capsys, "accounts", "add", "au-1", "--auditor")
    assert ran(capsys, "accounts", "list") == [
        {
            "account": "ml-1",
            "kind": "person",
            "roles": ["ml-lead"],
            "one_time": True,
            "passkeys": 0,
        },
        {"account": "au-1", "kind": "auditor", "roles": [], "one_time": True, "passkeys": 0},
    ]
    accounts = accounts_of(Settings.load())
    assert accounts.verify("ml-1", added["one_time_secret"])
    again = ran(capsys, "accounts", "reset", "ml-1")
    assert not accounts.verify("ml-1", added["one_time_secret"])
    assert accounts.verify("ml-1", again["one_time_secret"])
    assert run(["accounts", "list"]) == 0
    assert again["one_time_secret"] not in capsys.readouterr().out
    ran(capsys, "accounts", "remove", "ml-1")
    assert accounts.get("ml-1") is None


def test_who_may_speak_without_declared_people_is_told_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["people"]) == 0
    assert "speaks in the roles of their account" in capsys.readouterr().out
    Path("hemostat.toml").write_text("")
    assert run(["people"]) == 0
    assert "anyone who reaches Temporal speaks" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [("add", "Not A Name"), ("add", "../x"), ("reset", "nobody"), ("remove", "nobody")],
)
def test_wrong_use_exits_2_and_says_what_to_do(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["accounts", *words]) == 2
    assert "Next:" in capsys.readouterr().err


def test_the_first_account_is_made_once_and_only_where_nobody_else_could_sign_in() -> None:
    settings = Settings.load()
    first = _first_account(settings)
    assert accounts_of(settings).verify(FIRST, first["one_time_secret"])
    assert _first_account(settings) == {}
    file = Path("hemostat.toml")
    told = file.read_text()
    for more in (
        "[people]\nic-1 = {}\n",
        '[identity.oidc]\nissuer = "https://a"\nclient_id = "h"\n',
    ):
        file.write_text(f"{told}\n{more}")
        (settings.state_folder / "identity" / "accounts.json").unlink(missing_ok=True)
        assert _first_account(Settings.load()) == {}


def test_a_first_start_that_fails_leaves_the_secret_to_the_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = Running("http://h", "127.0.0.1:7233", "hemostat", "http://u", Path(), Path())
    port_taken = [True, False, False]

    async def run_up(
        settings: Settings, stop: object, ready: Callable[[Running], None], **_: int
    ) -> None:
        if port_taken.pop(0):
            raise ConfigurationError("port 8787 is in use")
        ready(where)

    monkeypatch.setattr("hemostat.cli.up.run_up", run_up)
    assert run(["up"]) == 2
    assert accounts_of(Settings.load()).none_yet
    capsys.readouterr()
    assert run(["up"]) == 0
    said = capsys.readouterr().out
    secret = said.partition("shown once: ")[2].splitlines()[0]
    assert accounts_of(Settings.load()).verify(FIRST, secret)
    assert run(["up"]) == 0
    later = capsys.readouterr().out
    assert secret not in later
    assert "http://h/login" in later
    assert f"hemostat accounts reset {FIRST}" in later
    accounts_of(Settings.load()).choose(FIRST, "a password of one's own")
    port_taken.append(False)
    assert run(["up"]) == 0
    assert "reset" not in capsys.readouterr().out


def test_a_start_that_is_told_to_stop_is_not_waited_for_and_a_full_disk_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    async def run_up(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()  # a port that is taken, a Temporal that does not come up
        finally:
            ended.append("in order")

    monkeypatch.setattr("hemostat.cli.up.run_up", run_up)
    monkeypatch.setattr("hemostat.room.LEAST", 2**80)
    assert run(["up"]) == 0
    assert ended == ["in order"]
    assert "once it is full nothing is taken" in caplog.text
