"""An untouched pack of an incident that really ran holds, and says so in words."""

import json
from pathlib import Path

import pytest

from hemostat.audit.keys import write_trust
from hemostat.audit.verify.pack import verify_pack
from hemostat.cli import run
from tests.audit.conftest import Room

pytestmark = pytest.mark.temporal

Sealed = tuple[Room, str]


def test_an_untouched_pack_holds(resolved: Sealed) -> None:
    room, incident = resolved
    verdict = verify_pack(room.export(incident), room.trust)
    assert verdict.findings == ()
    assert verdict.held
    assert verdict.closed
    assert {check.held for check in verdict.checks} == {True, None}
    assert verdict.events > 100


def test_an_untouched_pack_of_many_runs_holds(continued: Sealed) -> None:
    room, incident = continued
    verdict = verify_pack(room.export(incident), room.trust)
    assert verdict.findings == ()
    assert verdict.held


def test_the_command_says_it_in_words_and_as_json(
    resolved: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room, incident = resolved
    pack, trust = room.export(incident), tmp_path / "trust.json"
    write_trust(trust, room.trust)
    assert run(["audit", "verify", str(pack), "--trust", str(trust)]) == 0
    said = capsys.readouterr().out
    assert "It holds." in said
    assert "holds    the history:" in said
    assert run(["audit", "verify", str(pack), "--trust", str(trust), "--json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["held"] is True
    assert verdict["incident"] == incident
