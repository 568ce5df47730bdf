"""The command line without a Temporal: help, exit codes, one JSON document, harmless text."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hemostat.cli import hemostat, run
from hemostat.processes import free_port
from hemostat.room import lacking
from hemostat.settings import Settings, read_secret
from hemostat.terminal import clean, document, line, table
from hemostat.up.first_settings import write_first_settings
from tests.docs.documents import ROOT
from tests.docs.generate import commands

COMMANDS = hemostat.list_commands(click.Context(hemostat))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings and nobody at Temporal's address."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMOSTAT_CONFIG", raising=False)
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")


def test_the_files_are_the_commands() -> None:
    expected = {"approvals", "check", "decide", "gateway", "incidents", "playbooks", "show"}
    assert expected | {"up", "worker"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_in_a_line_what_it_does_and_takes_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: hemostat {name}")
    command = hemostat.get_command(click.Context(hemostat), name)
    assert command is not None
    assert command.get_short_help_str()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_within_groups_take_help(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: hemostat {' '.join(words)}")


def test_wrong_use_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["no-such-command"]) == 2
    assert run(["decide", "incident"]) == 2
    assert run(["decide", "incident", "gate", "maybe", "--reason", "x"]) == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["check", "--no-such-option"], "hemostat check"),
        (["show"], "hemostat show"),
        (["audit", "verify", "no.zip"], "hemostat audit verify"),
        (["no-such-command"], "hemostat"),
    ],
)
def test_wrong_use_is_one_document_as_well(
    words: list[str], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["where"] == where
    assert told["next"] == f"see `{where} --help`."


@pytest.mark.parametrize("words", [["playbooks"], ["playbooks", "--json"], ["--help"]])
def test_a_full_disk_is_one_clear_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hemostat", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            check=False,
        )
    assert done.returncode == 2
    told = "the system refused: No space left on device. Next: make room, then try again."
    assert done.stderr.splitlines() == [told]


def test_what_the_system_refuses_is_one_clear_line_and_one_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/srv/var/up.lock")

    monkeypatch.setattr("hemostat.cli.people.Settings.load", refused)
    assert run(["people", "--json"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("/srv/var/up.lock: the system refused: Permission denied. Next: let")
    assert json.loads(told.out)["where"] == "/srv/var/up.lock"
    assert run(["check", "--json"]) == 2  # which tells it beside what else it found
    assert json.loads(capsys.readouterr().out)["problems"][0]["where"] == "/srv/var/up.lock"


def test_a_document_arrives_before_its_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    document({"gateway": "http://127.0.0.1:8787"})
    assert json.loads(raw.getvalue())


def test_a_first_login_says_that_a_gateway_is_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run(["login"]) == 2
    assert capsys.readouterr().err.startswith("SERVER: say which gateway. Next: such as `hemostat")


def test_no_settings_exits_2_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gateway"]) == 2
    told = capsys.readouterr()
    assert "hemostat.toml: there is no such settings file" in told.err
    assert "hemostat up" in told.err
    assert told.out == ""


@pytest.mark.parametrize("command", [["incidents"], ["approvals"], ["decide", "i", "g", "approve"]])
def test_nobody_at_temporals_address_is_one_clear_line(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    extra = ["--reason", "x"] if command[0] == "decide" else []
    assert run([*command, *extra]) == 2
    assert "Temporal does not answer" in capsys.readouterr().err
    assert run([*command, *extra, "--json"]) == 2
    assert set(json.loads(capsys.readouterr().out)) == {"error", "where", "next"}


def test_the_playbooks_come_from_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["playbooks", "--json"]) == 0
    listed = {found["id"]: found for found in json.loads(capsys.readouterr().out)}
    assert {"feedback-poisoning", "triage"} <= set(listed)
    assert "gateway" in listed["feedback-poisoning"]["capabilities"]
    assert run(["playbooks"]) == 0
    assert "feedback-poisoning" in capsys.readouterr().out


def test_check_names_every_problem_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hemostat.toml").write_text(
        '[sources.am]\nkind = "alertmanager"\ntoken = "env:HEMOSTAT_NO_SUCH"\n'
        '[connections.edge]\nadapter = "gateway_nobody"\n'
    )
    assert run(["check", "--offline", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert [problem["where"] for problem in told["problems"]] == [
        "hemostat.toml:3",
        "hemostat.toml:4",
    ]
    Path("hemostat.toml").write_text("[gateway]\nport = 1\nprot = 2\n")
    assert run(["check"]) == 2
    assert "hemostat.toml:3: `gateway.prot` is not a setting. Next: did you mean `port`?" in (
        capsys.readouterr().out
    )


def test_check_exits_1_when_only_a_system_does_not_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("hemostat.toml").write_text("")
    assert run(["check"]) == 1
    assert "Temporal does not answer" in capsys.readouterr().out
    assert run(["check", "--offline"]) == 0
    assert "--  there is no [identity]: whoever reaches Temporal" in capsys.readouterr().out
    Path("hemostat.toml").unlink()
    write_first_settings(Path("hemostat.toml"))
    assert run(["check", "--offline", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_check_says_of_all_that_does_not_answer_where_it_is_and_what_to_do_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "x")
    nobody = "http://127.0.0.1:9"
    Path("hemostat.toml").write_text(
        f'[connections.edge]\nadapter = "gateway_caddy"\nadmin = "{nobody}"\n'
        'trusted_accounts = "file:accounts.json"\n'
        f'[connections.cloud]\nadapter = "credentials_aws"\nendpoint_url = "{nobody}"\n'
        'access_key_id = "env:A_SECRET"\nsecret_access_key = "env:A_SECRET"\n'
        'witnesses = { p-1 = "env:A_SECRET" }\n'
        f'[connections.registry]\nadapter = "registry_mlflow"\nurl = "{nobody}"\n'
        '[connections.mail]\nadapter = "disclosure_pickup"\nfolder = "file:nowhere"\n'
        'sender = "a@example.org"\naudiences = { authority = "b@example.org" }\n'
    )
    assert run(["check", "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert len(problems) > 5
    assert [problem for problem in problems if not (problem["where"] and problem["next"])] == []
    told = {problem["where"]: problem for problem in problems}
    assert "[connections.registry]" in told["hemostat.toml:11"]["next"]
    assert "access_key_id, secret_access_key" in told["hemostat.toml:5"]["next"]  # the last of two


def test_a_disk_that_is_nearly_full_is_a_problem_before_it_is_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Path("hemostat.toml").write_text("")
    settings = Settings.load()
    assert list(lacking(settings)) == []
    monkeypatch.setattr("hemostat.room.LEAST", 2**80)
    (problem,) = lacking(settings)
    assert problem.where == str(tmp_path / "var")
    assert run(["check"]) == 1
    assert "left on this disk: once it is full nothing is taken" in capsys.readouterr().out


def test_the_first_settings_are_good_and_their_token_is_only_ours(tmp_path: Path) -> None:
    file = tmp_path / "hemostat.toml"
    write_first_settings(file)
    settings = Settings.load(file)
    (reference,) = settings.sources["alertmanager"].token
    assert len(read_secret(reference)) >= 32
    token = Path(reference.removeprefix("file:"))
    assert token.stat().st_mode & 0o777 == 0o600
    assert settings.state_folder.stat().st_mode & 0o777 == 0o700
    before = token.read_text()
    file.unlink()
    write_first_settings(file)
    assert token.read_text() == before


HOSTILE = "\x1b[2J[red]hi[/red]\u202e\x00\nnew line\t<b>"


def test_text_from_outside_cannot_act_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(HOSTILE) == " [2J[red]hi[/red]   new line <b>"
    assert len(clean("x" * 9999)) == 2000
    line("said: ", (HOSTILE, "bold"))
    table(("a", "b"), [(HOSTILE, 1)])
    printed = capsys.readouterr().out
    assert printed.count("[red]hi[/red]") == 2
    assert not set("\x1b\x00\u202e") & set(printed)
    assert len(printed.splitlines()) == 3
