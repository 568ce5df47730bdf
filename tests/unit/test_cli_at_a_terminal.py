"""What the command line looks like at a terminal of eighty columns, and piped."""

import click
import pytest
from click.testing import CliRunner

from hemostat import terminal
from hemostat.cli import SECTIONS, hemostat
from hemostat.terminal import line

Said = pytest.CaptureFixture[str]
_LONG = "needs connections for: accounts, disclosure, gateway, moderation, pager, tickets, vault"


@pytest.fixture
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of eighty columns without colours."""
    monkeypatch.setattr(terminal, "width", lambda: 80)
    for name, value in {"COLUMNS": "80", "FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("eighty")
def test_a_long_line_goes_on_below_indented_and_broken_between_words(capsys: Said) -> None:
    line("    ", _LONG, hang=6)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert all(len(one) <= 80 for one in told)
    assert told[1].startswith("      ")
    assert " ".join(" ".join(told).split()) == _LONG


@pytest.mark.usefixtures("eighty")
def test_what_is_to_be_copied_is_never_broken(capsys: Said) -> None:
    command = (
        "hemostat decide feedback-poisoning-3b0e4078335c confirm-known-good approve --reason TEXT"
    )
    line("    ", command)
    line("    bound to ", "sha256:" + "a" * 64, hang=6)
    told = capsys.readouterr().out
    assert command in told
    assert "sha256:" + "a" * 64 in told


def test_piped_a_line_is_one_line(capsys: Said) -> None:
    line("    ", _LONG, hang=6)
    assert capsys.readouterr().out == f"    {_LONG}\n"


def test_every_command_stands_under_what_it_is_for() -> None:
    told = CliRunner().invoke(hemostat, ["--help"]).output
    named = [name for _, under in SECTIONS for name in under]
    assert sorted(named) == hemostat.list_commands(click.Context(hemostat))
    assert "\nCommands:" not in told
    assert "..." not in told.partition("[ARGS]...")[2], "a summary is cut off"
