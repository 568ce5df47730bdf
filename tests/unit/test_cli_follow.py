"""``hemostat show --follow``: each entry once, as it comes, until the incident is closed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hemostat.cli import run, show
from hemostat.incidents import following
from schemas.errors import SystemUnreachable
from schemas.journal import Kind
from tests.unit.fake_incident import ID, FakeIncident

Said = pytest.CaptureFixture[str]
Look = Callable[[FakeIncident], None]


@pytest.fixture
def follows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., FakeIncident]:
    """An incident of one entry; each look at it runs the next of *looks*."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMOSTAT_CONFIG", raising=False)
    (tmp_path / "hemostat.toml").write_text("")
    monkeypatch.setattr(following, "LOOK_EVERY", 0)
    monkeypatch.setattr(following, "LOOK_AGAIN_AFTER", 0)

    def installed(*looks: Look) -> FakeIncident:
        left: Iterator[Look] = iter(looks)

        def look(incident: FakeIncident) -> None:
            next(left, closes)(incident)

        incident = FakeIncident(looks=look)
        incident.add(Kind.OPENED, "Incident opened")

        async def connect() -> FakeIncident:
            return incident

        monkeypatch.setattr(show, "connect", connect)
        return incident

    return installed


def nothing(incident: FakeIncident) -> None:
    """A look at which nothing has happened."""


def writes(*says: str) -> Look:
    """A look before which these entries were written."""

    def look(incident: FakeIncident) -> None:
        for text in says:
            incident.add(Kind.FINDING, text)

    return look


def closes(incident: FakeIncident) -> None:
    """A look before which the incident closed."""
    if incident.open:
        incident.open = False
        incident.add(Kind.CLOSED, "Incident closed")


def interrupts(incident: FakeIncident) -> None:
    """A look at which somebody presses Ctrl-C."""
    raise KeyboardInterrupt


def unreachable(incident: FakeIncident) -> None:
    """A look at which nobody answers."""
    raise SystemUnreachable("nobody answers", where="there", next_step="wait.")


def test_each_entry_is_one_line_once_and_it_ends_when_the_incident_closes(
    follows: Callable[..., FakeIncident], capsys: Said
) -> None:
    incident = follows(nothing, nothing, writes("one", "two"), nothing, writes("three"), closes)
    assert run(["show", ID, "--follow"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [entry.says for entry in incident.journal.entries]
    assert told == ["Incident opened", "one", "two", "three", "Incident closed"]
    assert [text for text in lines if "+    0.000s" in text] == [
        text for says in told for text in lines if text.endswith(f" {says}")
    ]
    assert lines[-1].startswith("closed")


def test_with_json_each_line_is_one_object(
    follows: Callable[..., FakeIncident], capsys: Said
) -> None:
    incident = follows(nothing, writes("one\u202e"), closes)
    assert run(["show", ID, "--follow", "--json"]) == 0
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert told == [entry.model_dump(mode="json") for entry in incident.journal.entries]
    assert [entry["seq"] for entry in told] == [0, 1, 2]


def test_a_closed_incident_is_told_and_that_is_all(
    follows: Callable[..., FakeIncident], capsys: Said
) -> None:
    follows(closes)
    assert run(["show", ID, "--follow", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_who_does_not_answer_for_a_while_is_said_once_and_nothing_is_lost(
    follows: Callable[..., FakeIncident], capsys: Said
) -> None:
    follows(nothing, unreachable, unreachable, writes("one"), unreachable, closes)
    assert run(["show", ID, "--follow", "--json"]) == 0
    told = capsys.readouterr()
    says = [json.loads(text)["says"] for text in told.out.splitlines()]
    assert says == ["Incident opened", "one", "Incident closed"]
    assert told.err == "nobody answers; looking again\n" * 2


def test_ctrl_c_ends_it_cleanly(follows: Callable[..., FakeIncident], capsys: Said) -> None:
    follows(nothing, writes("one"), interrupts)
    assert run(["show", ID, "--follow", "--json"]) == 130
    told = capsys.readouterr()
    assert len([json.loads(text) for text in told.out.splitlines()]) == 2
    assert told.err.strip() == "interrupted"


def test_an_error_is_one_line_of_json_too(
    follows: Callable[..., FakeIncident], capsys: Said
) -> None:
    follows(unreachable)
    assert run(["show", ID, "--follow", "--json"]) == 2
    (only,) = capsys.readouterr().out.splitlines()
    assert json.loads(only)["error"] == "nobody answers"


def test_an_earlier_run_is_not_followed(capsys: Said) -> None:
    assert run(["show", ID, "--follow", "--run", "r-0"]) == 2
    assert "leave out --run" in capsys.readouterr().err


def test_what_moved_to_the_vault_meanwhile_is_not_left_out(
    follows: Callable[..., FakeIncident], capsys: Said
) -> None:
    def goes_on_in_a_new_run(incident: FakeIncident) -> None:
        incident.add(Kind.FINDING, "archived")
        incident.add(Kind.FINDING, "kept")
        incident.archive(upto=2)

    follows(nothing, goes_on_in_a_new_run, closes)
    assert run(["show", ID, "--follow", "--json"]) == 0
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [line.get("says", "gap") for line in told] == [
        "Incident opened",
        "gap",
        "kept",
        "Incident closed",
    ]
    assert "journal part sha256:" in told[1]["gap"]
