"""Tricks with what an auditor holds besides the pack: trust files and names of timestamps."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from hemostat.audit.keys import make_key, trusted, with_key
from hemostat.audit.pack.export import export
from hemostat.audit.pack.reader import decisions_of
from hemostat.audit.register import Register
from hemostat.audit.sealing import Sealing
from hemostat.audit.setup import key_of
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.tail import event_bytes
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.journal import check_decisions
from hemostat.audit.verify.pack import verify_pack
from hemostat.audit.verify.stamps import _of_checkpoints
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.audit.chain import Link
from schemas.audit.checkpoint import Outcome, Why
from schemas.audit.signing import SigningKey
from schemas.audit.trust import read_trust, standing
from schemas.errors import ConfigurationError
from schemas.journal import Journal, Kind


def test_a_key_that_a_trust_file_lists_twice_is_worth_neither() -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    public = base64.b64encode(key.public).decode()
    good = {"kid": key.kid, "public": public, "since": "2026-01-01T00:00:00.000000Z"}
    bad = {**good, "compromised": "2026-02-01T00:00:00.000000Z"}
    whole = {"format": "hemostat-trust/1", "authorities": []}
    assert read_trust(json.dumps({**whole, "keys": [bad]}).encode(), "t").key(key.kid)
    for keys in ([good, bad], [bad, good]):
        with pytest.raises(ConfigurationError, match="twice"):
            read_trust(json.dumps({**whole, "keys": keys}).encode(), "t")


@pytest.mark.parametrize("name", ["0000000", "00000000001", "abc", "0_0001", "²"])
def test_a_timestamp_under_another_name_of_its_checkpoint_does_not_replace_the_first(
    name: str,
) -> None:
    findings, held = Findings(), cast("Any", [None, None])
    pack = cast("Any", SimpleNamespace(names=[f"timestamps/{name}.tsr"]))
    assert [*_of_checkpoints(pack, held, findings)] == []
    assert [finding.code for finding in findings.found] == ["timestamp-of-nothing"]


@pytest.mark.parametrize(
    "at",
    [
        "2026-99-99T99:99:99.999999Z",
        "2026-02-30T00:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.999999Z",
        "٢٠٢٦-01-01T00:00:00.000000Z",
    ],
)
def test_a_moment_that_is_on_no_calendar_is_none(at: str) -> None:
    with pytest.raises(ValidationError):
        trusted(SigningKey.make()).model_validate(
            {**trusted(SigningKey.make()).model_dump(), "retired": at}
        )


def test_a_key_retired_before_it_was_stolen_signs_nothing_after_it_was_retired() -> None:
    times = [f"2026-0{month}-01T00:00:00.000000Z" for month in range(1, 6)]
    key = trusted(SigningKey.make()).model_copy(
        update={"since": times[0], "retired": times[2], "compromised": times[4]}
    )
    assert [standing(key, at).value for at in times[1:4]] == [
        "compromised",
        "compromised",
        "retired",
    ]


def test_a_sealers_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hemostat.toml").write_text('[audit]\nkey = "file:sealer.pem"\n')
    settings, file = Settings.load(tmp_path / "hemostat.toml"), tmp_path / "sealer.pem"
    kid = make_key(file).kid
    assert key_of(settings).kid == kid
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may read"):
        key_of(settings)


def test_a_truth_in_the_list_of_decisions_is_no_number() -> None:
    journal = Journal()
    data = {"gate": "close", "own_key": True, "stepped_up": False}
    journal.add(datetime(2026, 11, 23, tzinfo=UTC), Kind.DECISION, "approved", data=data)
    for told, codes in (
        (data, []),
        ({**data, "own_key": 1, "stepped_up": 0}, ["decision-changed"]),
    ):
        listed = decisions_of(journal.entries)
        listed[0]["data"] = told
        pack = SimpleNamespace(names=["decisions.json"], decisions=lambda listed=listed: listed)
        findings = Findings()
        check_decisions(cast("Any", pack), journal.entries, findings)
        assert [found.code for found in findings.found] == codes


def test_an_event_that_waited_long_for_its_seal_is_told(tmp_path: Path) -> None:
    began = datetime(2026, 11, 23, 10, tzinfo=UTC)
    key, store = SigningKey.make(), FolderStore(tmp_path / "store")
    times = iter([began, began + timedelta(hours=3), began + timedelta(hours=3)])
    register = Register(store, key, now=lambda: began)
    register.enter_opened("i-1", "r-1", playbook="triage", drill=False, opened_at=began)
    sealing = Sealing(store, key, "i-1", "r-1", now=lambda: next(times))
    sealing.begin_run("r-1", Link.START)
    for number, minutes in ((1, 0), (2, 40)):
        event = HistoryEvent(event_id=number, event_type=EventType.EVENT_TYPE_TIMER_STARTED)
        event.event_time.FromDatetime(began + timedelta(minutes=minutes))
        sealing.take([event_bytes(event)])
        sealing.checkpoint(Why.INTERVAL)
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.TERMINATED)
    register.enter_closed(sealing)
    export(store, Vault(tmp_path / "vault"), "i-1", tmp_path / "i-1.zip")
    verdict = verify_pack(tmp_path / "i-1.zip", with_key(None, key, began))
    assert verdict.held
    (note,) = verdict.notes
    assert note.startswith(
        "event 2 of run 1 was sealed 2 h 20 min after it happened, by checkpoint 1"
    )
