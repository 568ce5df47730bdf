"""``hemostat approvals --mine`` and ``--as``: what waits for one person, and nothing else."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hemostat.cli import approvals, run
from hemostat.incidents import NoWorkerAnswers
from hemostat.incidents.incident_row import IncidentRow
from schemas.eligibility import Claim, Standing
from schemas.errors import HemostatError
from schemas.gate import OnSilence
from schemas.incident import GateView, IncidentView
from tests.unit.fake_incident import BEGAN, GATE, ID, FakeIncident

Said = pytest.CaptureFixture[str]
Waits = Callable[..., None]


def gate(name: str, *people: str, **policy: Any) -> GateView:
    """A gate that *people* may decide, as ``PERSON/ROLE``."""
    able = tuple(
        Standing(person=who, role=role, claim=Claim.HOLDER, available=True)
        for who, _, role in (text.partition("/") for text in people)
    )
    changed = GATE.policy.model_copy(update={"id": name, **policy})
    return GATE.model_copy(update={"policy": changed, "may_decide": able})


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Waits:
    """One open incident in which these gates wait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMOSTAT_CONFIG", raising=False)

    def installed(*gates: GateView, roles: Sequence[str] = (), error: str = "") -> None:
        row = IncidentRow(
            id=ID, run_id="r-1", open=True, status="running", playbook="triage",
            service="sentiment-api", phase=None, severity="SEV-2", containment=None,
            waiting_for=tuple(roles), drill=False, opened_at=BEGAN, closed_at=None,
        )  # fmt: skip

        async def connect() -> FakeIncident:
            return FakeIncident(gates=gates)

        async def rows(client: FakeIncident) -> list[IncidentRow]:
            return [row]

        async def views(
            client: FakeIncident, incidents: Sequence[str]
        ) -> list[IncidentView | HemostatError]:
            return [NoWorkerAnswers(error, where=ID, next_step="x.") if error else client.view()]

        for name, fake in (("connect", connect), ("waiting_incidents", rows), ("views", views)):
            monkeypatch.setattr(approvals, name, fake)

    return installed


def asked(capsys: Said, *options: str) -> list[tuple[str | None, list[str] | None]]:
    """The gates that ``approvals`` lists with *options*, and in which roles they are decided."""
    capsys.readouterr()
    assert run(["approvals", *options, "--json"]) == 0
    return [(row["gate"], row.get("yours_as")) for row in json.loads(capsys.readouterr().out)]


def test_only_what_the_person_may_decide_now_is_listed_with_the_roles(
    waits: Waits, capsys: Said
) -> None:
    waits(gate("close", "ic-1/commander", "ml-1/ml-lead"), gate("retrain", "ml-1/ml-lead"))
    assert asked(capsys, "--as", "ml-1") == [("close", ["ml-lead"]), ("retrain", ["ml-lead"])]
    assert asked(capsys, "--as", "ic-1") == [("close", ["commander"])]
    assert asked(capsys, "--as", "ic-1", "--role", "ml-lead") == []
    assert asked(capsys, "--as", "nobody-1") == []
    assert len(asked(capsys)) == 2
    assert run(["approvals", "--as", "ic-1"]) == 0
    assert "ic-1 decides as commander" in capsys.readouterr().out
    assert run(["approvals", "--as", "nobody-1"]) == 0
    assert "Nothing waits for nobody-1." in capsys.readouterr().out


def test_mine_is_the_login_name(
    waits: Waits, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ic-1")
    waits(gate("close", "ic-1/commander"), gate("retrain", "ml-1/ml-lead"))
    assert asked(capsys, "--mine") == [("close", ["commander"])]
    assert run(["approvals", "--mine", "--as", "ml-1"]) == 2
    assert run(["approvals", "--as", "No Name"]) == 2


def test_where_no_people_are_declared_the_roles_of_the_settings_or_the_option_count(
    waits: Waits, capsys: Said
) -> None:
    waits(gate("close"), gate("offer", on_silence=OnSilence.STAND))
    assert asked(capsys, "--as", "ic-1") == []
    assert asked(capsys, "--as", "ic-1", "--role", "commander") == [("close", ["commander"])]
    Path("hemostat.toml").write_text(
        '[people.ic-1]\n[people.ic-2]\n[roles.commander]\nprimary = ["ic-1"]\ndeputies = ["ic-2"]\n'
    )
    assert asked(capsys, "--as", "ic-1") == [("close", ["commander"])]


def test_legal_clocks_wait_for_who_holds_a_legal_role(waits: Waits, capsys: Said) -> None:
    waits(roles=["counsel"])
    assert asked(capsys, "--as", "l-1", "--role", "counsel") == [(None, None)]
    assert asked(capsys, "--as", "ic-1", "--role", "commander") == []


def test_an_incident_that_nobody_answers_for_is_not_hidden(waits: Waits, capsys: Said) -> None:
    waits(roles=["commander"], error="no worker answers")
    assert asked(capsys, "--as", "ic-1") == [(None, None)]
    assert run(["approvals", "--as", "ic-1"]) == 0
    assert "no worker answers" in capsys.readouterr().out
