"""Keys in files: kept private, listed, rotated, introduced, and given to incidents that open."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hemostat.cli import run
from hemostat.gateway.routing import destination_of
from hemostat.keys import beside, create_key, gateway_key, load_key, rotate, speakers_of
from hemostat.settings import Settings
from hemostat.settings.problems import InvalidSettings
from hemostat.speaking import MayNotSpeak, sign
from schemas.canonical import digest_of
from schemas.errors import ConfigurationError
from schemas.gate import Choice, Decision
from schemas.signed_statement import Heard, Place, Unproven, verify
from schemas.speakers import SpeakerKey, SpeakerKeys
from schemas.who import Who
from tests.workflows.case import alert as an_alert

NOW = datetime.now(UTC)
DECISION = Decision(
    decision_id="d-1",
    gate="re-enable",
    nonce="n-1",
    digest=digest_of("shown"),
    choice=Choice.APPROVE,
    actor="ic-1",
    role="commander",
    reason="seen",
)
WHO = Who(
    person="ic-1",
    subject="local:ic-1",
    roles=("commander",),
    method="passkey",
    authenticated_at=NOW,
)
PLACE = Place("i-1", "r-1", "decide")


def test_a_private_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "gateway.pem"
    key = create_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert load_key(file).kid == key.kid
    assert "PRIVATE" not in repr(key)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        create_key(file)
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may read"):
        load_key(file)


def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    file = tmp_path / "not-a-key"
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as written:
        written.write("hunter2")
    with pytest.raises(ConfigurationError) as error:
        load_key(file)
    assert "hunter2" not in str(error.value)


def test_a_rotated_key_is_heard_by_whoever_trusts_an_older_one(tmp_path: Path) -> None:
    first = create_key(tmp_path / "1.pem")
    rotate(first, tmp_path / "2.pem", NOW, NOW + timedelta(hours=1))
    rotate(load_key(tmp_path / "2.pem"), tmp_path / "3.pem", NOW, None)
    third = load_key(tmp_path / "3.pem")
    assert len(beside(tmp_path / "3.pem").read_text().split()) == 2
    keys = SpeakerKeys(keys=(SpeakerKey(public=first.public),))
    said = sign(DECISION, WHO, third, incident="i-1", run="r-1", channel="console", now=NOW)
    later = NOW + timedelta(seconds=5)
    heard = verify(said.statement, said, PLACE, keys, later)
    assert isinstance(heard, Heard)
    assert heard.key.kid == third.kid


def test_nobody_is_signed_for_who_is_not_who_they_say(tmp_path: Path) -> None:
    key, own = create_key(tmp_path / "gateway.pem"), create_key(tmp_path / "own.pem", "ml-1")
    for who, with_key in (
        (WHO.model_copy(update={"person": "ml-1"}), key),
        (WHO.model_copy(update={"kind": "service"}), key),
        (WHO.model_copy(update={"kind": "auditor"}), key),
        (WHO, own),
    ):
        with pytest.raises(MayNotSpeak):
            sign(DECISION, who, with_key, incident="i-1", run="r-1", channel="cli")


def settings(tmp_path: Path, more: str = "") -> Settings:
    (tmp_path / "hemostat.toml").write_text(f'[identity]\nkey = "file:gateway.pem"\n{more}')
    return Settings.load(tmp_path / "hemostat.toml")


def test_an_incident_that_opens_is_given_the_keys(tmp_path: Path) -> None:
    gateway, own = create_key(tmp_path / "gateway.pem"), create_key(tmp_path / "own.pem", "ic-1")
    listed = f'[[identity.keys]]\nperson = "ic-1"\npublic = "{own.public}"\n'
    told = settings(tmp_path, 'statement_fresh_for = "30m"\n' + listed)
    opening = destination_of(told, an_alert(), speakers_of(told)).opening
    assert opening.speakers is not None
    assert opening.speakers.fresh_for == timedelta(minutes=30)
    assert [(k.kid, k.person) for k in opening.speakers.keys] == [
        (gateway.kid, None),
        (own.kid, "ic-1"),
    ]
    said = sign(DECISION, WHO, own, incident="i-1", run="r-1", channel="cli", now=NOW)
    assert isinstance(verify(said.statement, said, PLACE, opening.speakers, NOW), Heard)


def test_the_gateways_own_key_can_be_listed_with_an_end(tmp_path: Path) -> None:
    gateway = create_key(tmp_path / "gateway.pem")
    listed = f'[[identity.keys]]\npublic = "{gateway.public}"\nuntil = 2026-01-01T00:00:00Z\n'
    keys = speakers_of(settings(tmp_path, listed))
    assert keys is not None
    said = sign(DECISION, WHO, gateway, incident="i-1", run="r-1", channel="cli", now=NOW)
    assert verify(said.statement, said, PLACE, keys, NOW) is Unproven.KEY_OUT_OF_TIME


def test_without_identity_there_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / "hemostat.toml").write_text("")
    told = Settings.load(tmp_path / "hemostat.toml")
    assert speakers_of(told) is None
    assert gateway_key(told) is None
    assert destination_of(told, an_alert(), None).opening.speakers is None


def test_a_missing_key_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"hemostat\.toml:2: the gateway's key"):
        gateway_key(settings(tmp_path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('key = "env:KEY"', "a file of its own"),
        ('key = "s3cret"', "by reference"),
        ('url = "http://hemostat.example"', "https"),
        ('url = "https://user@hemostat.example"', "plain address"),
        ('oidc = { issuer = "ftp://a", client_id = "h" }', "https"),
        ('oidc = { issuer = "https://a", client_id = "h", algorithms = ["HS256"] }', "RS256"),
        ('oidc = { issuer = "https://a", client_id = "h", algorithms = ["none"] }', "RS256"),
        ('subjects = { ic-1 = "1", ml-1 = "1" }', "the same subject"),
    ],
)
def test_unsafe_settings_are_refused_with_a_reason(tmp_path: Path, line: str, said: str) -> None:
    table = "[identity]\n" + (line if line.startswith("key") else f'key = "file:k"\n{line}')
    with pytest.raises(InvalidSettings, match=said):
        Settings.parse(table, tmp_path / "hemostat.toml")


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_line_creates_lists_rotates_and_certifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMOSTAT_CONFIG", raising=False)
    created = ran(capsys, "keys", "create", "gateway.pem")
    settings(tmp_path)
    assert ran(capsys, "keys", "list")["keys"][0]["key"] == created["key"]
    rotated = ran(capsys, "keys", "rotate", "gateway.pem", "next.pem")
    assert rotated["key"] != created["key"]
    own = ran(capsys, "keys", "create", "own.pem", "--person", "ic-1")
    line = ran(capsys, "keys", "certify", "gateway.pem", own["public"])["certificate"]
    assert line.startswith("hc1.")
    assert run(["keys", "create", "x.pem", "--person", "Not A Name"]) == 2
    assert run(["keys", "rotate", "gateway.pem", "y.pem", "--retires", "soon"]) == 2
    assert run(["keys", "certify", "gateway.pem", "abc"]) == 2
    assert run(["keys", "create", "z.pem"]) == 0
    assert "PRIVATE" not in capsys.readouterr().out
