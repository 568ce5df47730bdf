"""What people say by command: what is sent, what is told of it, and with which exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hemostat.cli import attest, break_glass, decide, draft, grade, run, suspect, withdraw
from hemostat.keys import create_key
from hemostat.speaking import id_of, signal_of
from schemas.gate import Refusal
from schemas.journal import Kind
from schemas.severity import Facts, Known, Severity
from schemas.signed_statement import read
from tests.unit.fake_incident import DIGEST, GATE, ID, FakeIncident

Installed = Callable[[FakeIncident], FakeIncident]
Said = pytest.CaptureFixture[str]


def counts(incident: FakeIncident, signal: str, said: Any) -> None:
    """An engine that counts whatever it hears."""
    incident.add(Kind.DECISION, f"{signal} counted", decision=id_of(said), actor=said.actor)


def refuses(refusal: Refusal) -> Callable[[FakeIncident, str, Any], None]:
    """An engine that refuses whatever it hears."""

    def hears(incident: FakeIncident, signal: str, said: Any) -> None:
        says = f"A decision changed nothing: {refusal.value}"
        incident.add(Kind.REFUSED, says, decision=id_of(said), refusal=refusal.value)

    return hears


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installed:
    """Put an incident where the commands look for Temporal."""
    monkeypatch.chdir(tmp_path)

    def installed(incident: FakeIncident) -> FakeIncident:
        async def connect(*, identity: str | None = None) -> FakeIncident:
            return incident

        Path("draft.txt").write_text("what is to be sent")
        for command in (attest, break_glass, decide, draft, grade, suspect, withdraw):
            monkeypatch.setattr(command, "connect", connect)
        return incident

    return installed


COMMANDS = {
    "decide": ("decide", ID, "close", "approve"),
    "withdraw": ("withdraw", ID, "close", "--decision", "d-1"),
    "break-glass": ("break-glass", ID, "close"),
    "attest": ("attest", ID, "isolate", "--role", "ml-on-call", "--evidence", DIGEST),
    "grade": ("grade", ID, "--severity", "SEV-1", "--fact", "key_abused=yes"),
    "suspect": ("suspect", ID, "mallory-1", "--role", "ciso"),
    "draft": ("draft", ID, "file-gdpr-33", "draft.txt"),
}
BY = ("--as", "ic-1", "--reason", "so it is")


@pytest.mark.parametrize("name", COMMANDS)
def test_what_counted_is_told_as_recorded_and_exits_0(
    name: str, install: Installed, capsys: Said
) -> None:
    incident = install(FakeIncident(hears=counts))
    assert run([*COMMANDS[name], *BY]) == 0
    assert f"recorded: {name} counted" in capsys.readouterr().out
    ((signal, said),) = incident.heard
    assert signal == signal_of(said) == name
    assert (said.actor, said.reason) == ("ic-1", "so it is")


@pytest.mark.parametrize("name", COMMANDS)
def test_what_was_refused_says_why_and_exits_1(name: str, install: Installed, capsys: Said) -> None:
    install(FakeIncident(hears=refuses(Refusal.NOT_THE_ROLE)))
    assert run([*COMMANDS[name], *BY]) == 1
    told = capsys.readouterr().out
    assert "refused: A decision changed nothing: not-the-role" in told
    assert "not yours to say in that role" in told
    assert run([*COMMANDS[name], *BY, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["accepted"] is False
    assert document["journal"]["data"]["refusal"] == "not-the-role"


@pytest.mark.parametrize("name", COMMANDS)
def test_where_only_what_is_proven_counts_nothing_is_sent_without_a_key(
    name: str, install: Installed, capsys: Said
) -> None:
    incident = install(FakeIncident(hears=counts, changes={"asks_proof": True}))
    assert run([*COMMANDS[name], *BY]) == 2
    assert "--key FILE" in capsys.readouterr().err
    assert incident.heard == []


@pytest.mark.parametrize("name", COMMANDS)
def test_with_a_key_it_carries_the_persons_own_statement(
    name: str, install: Installed, tmp_path: Path
) -> None:
    incident = install(FakeIncident(hears=counts, changes={"asks_proof": True}))
    own = create_key(tmp_path / "own.pem", "ic-1")
    assert run([*COMMANDS[name], *BY, "--key", str(tmp_path / "own.pem")]) == 0
    ((_, said),) = incident.heard
    envelope = read(said.statement)
    assert envelope is not None
    statement = envelope.statement
    assert (statement.incident, statement.run, statement.signal) == (ID, "r-1", name)
    assert (statement.person, statement.kid, statement.channel) == ("ic-1", own.kid, "cli")


@pytest.mark.parametrize("name", ["withdraw", "attest", "grade", "suspect"])
def test_a_closed_incident_is_told_apart_and_hears_nothing(
    name: str, install: Installed, capsys: Said
) -> None:
    incident = install(FakeIncident(hears=counts, open=False))
    assert run([*COMMANDS[name], *BY]) == 1
    assert "the incident is closed" in capsys.readouterr().err
    assert incident.heard == []


@pytest.mark.parametrize("name", ["grade", "suspect"])
def test_what_the_incident_knew_already_is_said_to_be_no_news(
    name: str, install: Installed, capsys: Said
) -> None:
    install(FakeIncident())
    assert run([*COMMANDS[name], *BY]) == 0
    assert "It was so already; nothing changed." in capsys.readouterr().out
    assert run([*COMMANDS[name], *BY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["journal"] is None


def test_withdraw_takes_back_the_persons_last_approval_at_the_gate(
    install: Installed, capsys: Said
) -> None:
    incident = install(FakeIncident(hears=counts))
    assert run(["withdraw", ID, "close", *BY]) == 1
    assert "no approval of ic-1 to take back" in capsys.readouterr().err
    for decision, actor in (("d-1", "ic-1"), ("d-2", "ic-1"), ("d-3", "ml-1")):
        incident.add(
            Kind.DECISION,
            "approved",
            decision=decision,
            actor=actor,
            gate="close",
            choice="approve",
        )
    assert run(["withdraw", ID, "close", *BY]) == 0
    ((_, said),) = incident.heard
    assert said.decision_id == "d-2"


def test_break_glass_is_bound_to_what_is_asked_now(install: Installed, capsys: Said) -> None:
    incident = install(FakeIncident(hears=counts))
    assert run(["break-glass", ID, "other", *BY]) == 1
    assert "this gate is not open" in capsys.readouterr().err
    assert run(["break-glass", ID, "close", *BY]) == 0
    ((_, said),) = incident.heard
    assert said.nonce == GATE.nonce


def test_attest_asks_for_the_role_where_it_is_not_clear(install: Installed, capsys: Said) -> None:
    install(FakeIncident(hears=counts))
    assert run(["attest", ID, "isolate", *BY]) == 2
    assert "--role" in capsys.readouterr().err


def test_grade_takes_facts_and_impact_by_name(install: Installed, capsys: Said) -> None:
    incident = install(FakeIncident(hears=counts))
    words = ("--severity", "SEV-1", "--fact", "key_abused=unknown", "--impact", "people=40")
    assert run(["grade", ID, *words, "--impact", "money=much", *BY]) == 0
    ((_, said),) = incident.heard
    assert (said.severity, said.role) == (Severity.SEV1, "commander")
    assert said.facts == Facts(key_abused=Known.UNKNOWN)
    assert said.impact.model_dump(exclude_unset=True) == {"people": 40, "money": "much"}
    capsys.readouterr()
    for wrong in (
        (),
        ("--fact", "no_such=yes"),
        ("--fact", "key_abused"),
        ("--fact", "key_abused=maybe"),
        ("--severity", "SEV-9"),
    ):
        assert run(["grade", ID, *wrong, *BY]) == 2
        assert capsys.readouterr().err
    assert len(incident.heard) == 1


def test_the_help_of_grade_names_every_fact(capsys: Said) -> None:
    assert run(["grade", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in Facts.model_fields)


def test_malformed_words_are_told_before_anything_is_sent(install: Installed, capsys: Said) -> None:
    incident = install(FakeIncident(hears=counts))
    assert run(["suspect", ID, "No Name", *BY]) == 2
    assert "not understood: person. Next: see `hemostat suspect --help`." in capsys.readouterr().err
    assert run(["attest", ID, "isolate", "--role", "ciso", "--evidence", "x", *BY]) == 2
    assert incident.heard == []


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 80_001])
def test_a_draft_that_is_no_text_is_not_sent(
    content: bytes, install: Installed, capsys: Said
) -> None:
    incident = install(FakeIncident(hears=counts))
    Path("draft.txt").write_bytes(content)
    assert run([*COMMANDS["draft"], *BY]) == 2
    assert "draft.txt" in capsys.readouterr().err
    assert run(["draft", ID, "file-gdpr-33", "nowhere.txt", *BY]) == 2
    assert incident.heard == []
