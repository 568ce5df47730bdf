"""What leaves for others has their form, names no person, and leaves open what nobody here knows."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from hemostat.audit.account.account import Account
from hemostat.audit.account.record import Record
from hemostat.audit.account.scrub import Scrubber
from hemostat.audit.export_as import aiid, atlas, ocsf, stix
from hemostat.audit.export_as.cleared import LABEL, cleared_text, marked
from hemostat.audit.export_as.formats import FORMATS
from hemostat.audit.export_as.letter import letter_for, too_long
from hemostat.audit.export_as.techniques import TECHNIQUES
from hemostat.cli import run
from hemostat.cli.audit.export_as import _shown
from schemas.canonical import digest_bytes
from schemas.errors import NotHeld
from schemas.journal import Entry, Kind
from tests.audit.test_explain import account_of
from tests.replay.record import HISTORIES
from workers.registry import discover_playbooks, spec_of

NAMES = (
    "feedback-poisoning/by_people",
    "adversarial-evasion/hardened",
    "assistant-exfiltration/everything_revoked",
    "feedback-poisoning/end_before_its_beginning",
    "triage/closed",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMATS)
async def test_every_export_has_what_its_format_requires(form: str, name: str) -> None:
    if name.startswith("triage") and form == "atlas":
        pytest.skip("triage names no technique, so it is no case study")
    chosen = FORMATS[form]
    exported = chosen.export(await account_of(name))
    assert chosen.check(exported) == []
    draft = marked(form, exported)
    assert chosen.check(draft) == []
    assert "DRAFT. It may leave" in json.dumps(draft) or LABEL in json.dumps(draft)


@pytest.mark.parametrize("form", FORMATS)
async def test_no_person_and_no_secret_leaves(form: str) -> None:
    account = await account_of("assistant-exfiltration/everything_revoked")
    secrets = "AKIAIOSFODNN7EXAMPLE ic-1@example.com sk-abcdefghijklmnop Bearer abcdefgh12345678"
    entries = list(account.record.entries)
    entries[1] = entries[1].model_copy(update={"data": {**entries[1].data, "title": secrets}})
    written = json.dumps(FORMATS[form].export(Account(Record("histories", entries))))
    for secret in secrets.split():
        assert secret == "Bearer" or secret not in written
    for person in {p for p in account.people() if len(p) > 1}:
        assert f"{person} " not in written
        assert f'"{person}"' not in written
    assert "AKIAINSIDER1" not in written


async def test_a_draft_that_lacks_what_is_required_is_refused() -> None:
    account = await account_of("feedback-poisoning/resolved")
    broken: Any = ocsf.export(account)
    del broken[0]["finding_info_list"]
    broken[1]["type_uid"] = 1
    assert len(ocsf.check(broken)) == 2
    study: Any = atlas.export(account)
    study["draft"]["procedure"][0]["technique"] = "T1059"
    assert atlas.check(study) == ["procedure"]
    report: Any = aiid.export(account)
    report["draft"]["text"] = "too short"
    assert aiid.check(report) == ["text"]
    bundle: Any = stix.export(account)
    bundle["objects"][1]["identity_class"] = 7
    del bundle["objects"][2]["name"]
    assert stix.check(bundle) != []


async def test_what_only_people_know_is_left_open_and_named() -> None:
    account = await account_of("feedback-poisoning/resolved")
    for module in (atlas, aiid):
        exported = module.export(account)
        for name in exported["to_fill"]:
            if "." not in name:
                assert exported["draft"][name] is None


async def test_the_same_incident_gives_the_same_stix_ids() -> None:
    account = await account_of("feedback-poisoning/resolved")
    assert stix.export(account) == stix.export(account)


async def test_an_exercise_is_named_one() -> None:
    account = await account_of("feedback-poisoning/resolved")
    entries = list(account.record.entries)
    entries[0] = entries[0].model_copy(update={"data": {**entries[0].data, "drill": True}})
    drill = Account(Record("histories", entries))
    for form in FORMATS.values():
        assert "exercise" in json.dumps(form.export(drill)).lower()


def test_every_technique_that_a_playbook_names_is_known() -> None:
    named = {i for playbook in discover_playbooks().values() for i in spec_of(playbook).atlas}
    assert named <= TECHNIQUES.keys()


async def test_a_person_is_not_found_inside_another_word() -> None:
    scrub = Scrubber(await account_of("feedback-poisoning/by_people"))
    assert scrub.text("o1 told co1umn and m1-beta") == "[person] told co1umn and m1-beta"


def test_the_command_writes_a_draft_and_tells_its_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, file = str(HISTORIES / "feedback-poisoning" / "resolved"), tmp_path / "stix.json"
    assert run(["audit", "export-as", "stix", source, "-o", str(file)]) == 0
    assert json.loads(file.read_text())["type"] == "bundle"
    assert "sha256:" in capsys.readouterr().err
    assert run(["audit", "export-as", "aiid", source]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["draft"]["authors"] == ["Anonymous"]
    assert "left open for people: url" in told.err


GATE = "file-gdpr-33"


def showing(account: Account, text: str, **shown: str) -> Account:
    """The same record, had another text been approved at its gate."""
    entries = list(account.record.entries)
    for n, entry in enumerate(entries):
        if entry.kind is Kind.GATE and "shown" in entry.data and entry.data.get("gate") == GATE:
            new: Any = copy.deepcopy(entry.data["shown"])
            request = new["acts"][0]["request"]
            request |= {"text": text, "text_digest": digest_bytes(text.encode())}
            new |= shown
            entries[n] = entry.model_copy(update={"data": {**entry.data, "shown": new}})
    return Account(Record("histories", entries))


async def test_only_the_text_that_two_people_approved_is_cleared() -> None:
    form, account = FORMATS["ocsf"], await account_of("assistant-exfiltration/filed")
    text = json.dumps(marked("ocsf", form.export(account)))
    assert cleared_text(showing(account, text), GATE, form) == text

    forged = showing(account, text)
    gate = next(told for told in forged.gates if told.id == GATE)
    gate.shown["acts"][0]["request"]["text"] = text.replace("DRAFT", "FINAL")
    alone = [e for e in account.record.entries if e not in _approvals(account)[1:]]
    for record, at, why in (
        (account, GATE, "no OCSF"),
        (account, "no-such-gate", "no such gate"),
        (showing(account, text, **{"class": "restore"}), GATE, "not of class disclose"),
        (showing(Account(Record("histories", alone)), text), GATE, "two people"),
        (forged, GATE, "no text"),
    ):
        with pytest.raises(NotHeld, match=why):
            cleared_text(record, at, form)


def _approvals(account: Account) -> list[Entry]:
    gate = next(told for told in account.gates if told.id == GATE)
    return [entry for entry in gate.decisions if entry.data.get("choice") == "approve"]


def test_what_is_not_cleared_is_not_written(tmp_path: Path) -> None:
    source, file = str(HISTORIES / "assistant-exfiltration" / "filed"), tmp_path / "ocsf.json"
    assert run(["audit", "export-as", "ocsf", source, "-o", str(file), "--cleared-by", GATE]) == 1
    assert not file.exists()


async def test_what_is_too_long_for_a_gate_is_cleared_by_a_letter_that_names_its_digest() -> None:
    form, account = FORMATS["stix"], await account_of("assistant-exfiltration/filed")
    exported = marked("stix", form.export(account))
    text = json.dumps(exported, indent=2)
    letter = letter_for("stix", form, text, exported)
    assert not too_long(letter)
    assert json.loads(letter)["holds"]["bundle" if "objects" not in exported else "incident"] == 1
    approved = showing(account, letter)
    assert cleared_text(approved, GATE, form, text) == text
    for draft, why in (
        (None, "a letter"),
        (text + " ", "another draft"),
        (letter, "another draft"),
    ):
        with pytest.raises(NotHeld, match=why):
            cleared_text(approved, GATE, form, draft)
    with pytest.raises(NotHeld, match="no OCSF"):
        cleared_text(approved, GATE, FORMATS["ocsf"], text)


def test_a_draft_that_no_gate_takes_says_so_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hemostat.audit.export_as.letter.LONGEST_TEXT", 1000)
    source, file = str(HISTORIES / "feedback-poisoning" / "resolved"), tmp_path / "stix.json"
    letter = tmp_path / "letter.json"
    assert run(["audit", "export-as", "stix", source, "-o", str(file)]) == 0
    assert "--letter FILE" in capsys.readouterr().err
    assert (
        run(["audit", "export-as", "stix", source, "-o", str(file), "--letter", str(letter)]) == 0
    )
    assert "--letter" not in capsys.readouterr().err
    assert json.loads(letter.read_text())["digest"] == digest_bytes(file.read_bytes())


def test_a_draft_shown_at_a_terminal_acts_on_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shown('{"a": "\x9b2J\u202e"}\n{}\n') == '{"a": " 2J "}\n{}\n'
