"""The sealer on a real Temporal: everything that happens is sealed while it happens."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from hemostat.audit.pack.reader import Pack
from schemas.audit.checkpoint import Outcome, Why
from schemas.journal import Kind, verify_chain
from tests.audit.conftest import Room

pytestmark = pytest.mark.temporal

Sealed = tuple[Room, str]


def test_the_pack_of_an_incident_holds_its_whole_record(resolved: Sealed) -> None:
    room, incident = resolved
    pack = Pack.open(room.export(incident))
    assert pack.manifest.closed
    assert pack.manifest.incident == incident
    assert pack.manifest.drill is True
    entries = list(pack.journal())
    last = list(pack.checkpoints())[-1].body
    assert (last.why, last.outcome, last.gaps) == (Why.CLOSE, Outcome.COMPLETED, ())
    assert last.journal is not None
    assert verify_chain(entries) == last.journal.head
    assert entries[-1].kind is Kind.CLOSED
    (history,) = pack.histories()
    read = WorkflowHistory.from_json(incident, history.json() or {})
    assert [event.SerializeToString(deterministic=True) for event in read.events] == [
        bytes(event) for event in history.events()
    ]
    assert any(d["data"].get("gate") == "close-incident" for d in pack.decisions())
    assert pack.evidence().items
    code = pack.code()
    assert code is not None
    assert code["worker_builds"]


def test_a_checkpoint_is_written_at_the_start_at_every_gate_and_at_the_close(
    resolved: Sealed,
) -> None:
    room, incident = resolved
    whys = [held.body.why for held in Pack.open(room.export(incident)).checkpoints()]
    assert whys[0] is Why.START
    assert whys.count(Why.GATE) >= 1  # people as quick as these share one
    assert whys[-1] is Why.CLOSE


def test_the_same_record_gives_the_same_bytes(resolved: Sealed, tmp_path: Path) -> None:
    room, incident = resolved
    assert room.export(incident).read_bytes() == room.export(incident).read_bytes()


def test_all_runs_of_an_incident_form_one_chain(continued: Sealed) -> None:
    room, incident = continued
    pack = Pack.open(room.export(incident))
    assert len(pack.manifest.runs) > 2
    headers = list({held.body.run.run: held.body.run for held in pack.checkpoints()}.values())
    assert [header.previous_run for header in headers[1:]] == [h.run for h in headers[:-1]]
    last = list(pack.checkpoints())[-1].body
    assert last.journal is not None
    assert last.gaps == ()
    assert verify_chain(list(pack.journal())) == last.journal.head
