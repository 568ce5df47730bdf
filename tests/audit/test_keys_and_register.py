"""Keys are made, rotated and distrusted by commands; a register tells which incidents have no pack."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from hemostat.audit.keys import trust_file
from hemostat.audit.pack.export import export
from hemostat.audit.register import Register
from hemostat.audit.sealing import Sealing
from hemostat.audit.setup import first_key, key_of, store_of, trust_path
from hemostat.audit.verify.findings import Findings
from hemostat.audit.verify.pack import verify_pack
from hemostat.audit.verify.register import read_register
from hemostat.audit.verify.signatures import Signed
from hemostat.cli import run
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.audit.chain import Link
from schemas.audit.checkpoint import Outcome, Why
from schemas.audit.trust import Trust
from schemas.errors import ConfigurationError


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with nothing in them, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMOSTAT_CONFIG", raising=False)
    Path("hemostat.toml").write_text("")
    return Settings.load()


def trust(settings: Settings) -> Trust:
    """The trust file."""
    found = trust_file(trust_path(settings))
    assert found is not None
    return found


def seal(settings: Settings, incident: str) -> Path:
    """A small sealed incident and its pack."""
    store, key = store_of(settings), key_of(settings)
    register = Register(store, key)
    opened = datetime.now(UTC)
    register.enter_opened(incident, "r-1", playbook="triage", drill=False, opened_at=opened)
    sealing = Sealing(store, key, incident, "r-1")
    sealing.begin_run("r-1", Link.START)
    sealing.take([b"\x08\x01\x18\x01"])
    sealing.checkpoint(Why.START)
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.TERMINATED)
    register.catch_up()
    register.enter_closed(sealing)
    pack = settings.folder / f"{incident}.zip"
    export(store, Vault.of(settings), incident, pack)
    return pack


def test_the_first_key_is_only_ours_and_is_kept(settings: Settings) -> None:
    key = first_key(settings)
    file = settings.audit_folder / "key.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert first_key(settings).kid == key.kid
    assert [held.kid for held in trust(settings).keys] == [key.kid]


def test_without_a_key_it_says_how_to_make_one(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="hemostat audit keys new"):
        key_of(settings)
    assert run(["audit", "keys", "new"]) == 0
    assert run(["audit", "keys", "new"]) == 2
    key_of(settings)


def test_a_rotated_key_still_vouches_for_what_it_signed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = first_key(settings)
    old = seal(settings, "i-1")
    assert run(["audit", "keys", "rotate", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["keys"]
    assert listed[0]["kid"] == before.kid
    assert listed[0]["retired"]
    assert listed[1]["retired"] is None
    assert key_of(settings).kid == listed[1]["kid"]
    new = seal(settings, "i-2")
    for pack in (old, new):
        assert verify_pack(pack, trust(settings)).findings == ()
    assert [*settings.audit_folder.glob("key.pem.*")]


def test_a_timestamp_authority_is_added_once_and_what_is_none_is_refused(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings.folder / "tsa.pem"
    assert run(["audit", "keys", "authority", str(file)]) == 2, "there is no key yet"
    first_key(settings)
    assert run(["audit", "keys", "authority", str(file)]) == 2, "there is no such file"
    file.write_text("no certificate")
    assert run(["audit", "keys", "authority", str(file)]) == 2
    file.write_bytes(trustme.CA().cert_pem.bytes())
    capsys.readouterr()
    for _ in range(2):
        asked = ["audit", "keys", "authority", str(file), "--since", "2026-01-01", "--json"]
        assert run(asked) == 0
        since = json.loads(capsys.readouterr().out)["authorities_since"]
        assert since == ["2026-01-01T00:00:00.000000Z"]
    assert trust(settings).authorities[0].certificate == file.read_text().strip() + "\n"


def test_what_a_compromised_key_signed_does_not_hold_without_a_timestamp(
    settings: Settings,
) -> None:
    key = first_key(settings)
    pack = seal(settings, "i-1")
    assert run(["audit", "keys", "compromised", key.kid, "--since", "2026-01-01T00:00:00Z"]) == 0
    codes = {finding.code for finding in verify_pack(pack, trust(settings)).findings}
    assert codes == {"key-compromised"}
    assert run(["audit", "keys", "compromised", "ed25519:0", "--since", "2026-01-01"]) == 2
    assert run(["audit", "keys", "compromised", key.kid]) == 2
    assert run(["audit", "keys", "compromised", key.kid, "--since", "yesterday"]) == 2


def test_an_incident_without_a_pack_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first_key(settings)
    packs = [str(seal(settings, f"i-{number}")) for number in (1, 2)]
    assert run(["audit", "register", "-o", "register.jsonl"]) == 0
    known = ["--trust", str(trust_path(settings)), "--register", "register.jsonl"]
    assert run(["audit", "verify", *packs, *known]) == 0
    capsys.readouterr()
    assert run(["audit", "verify", packs[0], *known]) == 1
    assert "register-no-pack" in capsys.readouterr().out


def test_a_record_sealed_anew_with_the_sealers_own_key_is_not_the_registered_one(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first_key(settings)
    seal(settings, "i-1")
    assert run(["audit", "register", "-o", "register.jsonl"]) == 0
    for file in settings.folder.glob("**/*"):  # as whoever has the key would, somewhere else
        if file.is_file() and ("/register/" in str(file) or "/incidents/" in str(file)):
            file.unlink()
    (settings.folder / "i-1.zip").unlink()
    again = str(seal(settings, "i-1"))
    known = ["--trust", str(trust_path(settings))]
    assert run(["audit", "verify", again, *known]) == 0, "with the key it is as good as the first"
    capsys.readouterr()
    assert run(["audit", "verify", again, *known, "--register", "register.jsonl"]) == 1
    said = capsys.readouterr().out
    assert "register entry 0: it is another one than in i-1.zip" in said
    assert "register-other" in said


def test_a_pack_without_the_end_that_the_register_has_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first_key(settings)
    seal(settings, "i-1")
    assert run(["audit", "register", "-o", "register.jsonl"]) == 0
    for name in ("0000000001.json", "000001.json"):  # the close, there and among the checkpoints
        (file,) = settings.folder.glob(f"**/{name}")
        file.unlink()
    assert run(["audit", "export", "i-1", "-o", "open.zip"]) == 0
    known = ["--trust", str(trust_path(settings)), "--register", "register.jsonl"]
    capsys.readouterr()
    assert run(["audit", "verify", "open.zip", *known]) == 1
    assert "the register has its close, entry 1, and open.zip has no end" in capsys.readouterr().out


def test_a_register_that_ends_before_a_pack_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first_key(settings)
    packs = [str(seal(settings, f"i-{number}")) for number in (1, 2)]
    assert run(["audit", "register", "-o", "register.jsonl"]) == 0
    lines = Path("register.jsonl").read_bytes().splitlines(keepends=True)
    Path("register.jsonl").write_bytes(b"".join(lines[:3]))
    known = ["--trust", str(trust_path(settings)), "--register", "register.jsonl"]
    capsys.readouterr()
    assert run(["audit", "verify", *packs, *known]) == 1
    assert "register entry 3: the register ends before it, and i-2.zip has it" in (
        capsys.readouterr().out
    )


def test_an_incident_taken_out_of_the_register_is_noticed(settings: Settings) -> None:
    first_key(settings)
    for number in (1, 2, 3):
        seal(settings, f"i-{number}")
    assert run(["audit", "register", "-o", "register.jsonl"]) == 0
    lines = Path("register.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 6
    for forged in (lines[:2] + lines[4:], lines[1:], [lines[1], lines[0], *lines[2:]]):
        findings = Findings()
        read_register(b"".join(forged), Signed(trust(settings)), findings)
        assert [finding.code for finding in findings.found] == ["register-missing"]
    edited = [lines[0].replace(b"i-1", b"i-9"), *lines[1:]]
    findings = Findings()
    read_register(b"".join(edited), Signed(trust(settings)), findings)
    assert {f.code for f in findings.found} == {"register-signature", "register-chain"}


def test_a_trust_file_that_is_wrong_is_refused_in_words(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first_key(settings)
    pack = str(seal(settings, "i-1"))
    for wrong in ("", "{}", '{"format":"hemostat-trust/1","format":"x"}', '{"keys":[]}'):
        Path("trust.json").write_text(wrong)
        assert run(["audit", "verify", pack, "--trust", "trust.json"]) == 2
        assert "the trust file cannot be used" in capsys.readouterr().err
    assert run(["audit", "verify", pack, "--trust", "nothing.json"]) == 2
    assert run(["audit", "verify", "nothing.zip", "--trust", str(trust_path(settings))]) == 1
