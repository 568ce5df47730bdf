"""``hemostat check`` looks at ``[audit]`` before an incident needs it."""

import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hemostat.audit.keys import make_key, with_key, write_trust
from hemostat.audit.readiness import check_key, check_outside
from hemostat.audit.setup import first_key
from hemostat.cli import run
from hemostat.settings import Settings
from schemas.audit.signing import SigningKey
from schemas.errors import ConfigurationError


def settings(folder: Path, audit: str = "") -> Settings:
    file = folder / "hemostat.toml"
    file.write_text(f"[audit]\n{audit}")
    return Settings.load(file)


def test_a_key_that_is_not_made_yet_is_no_problem(tmp_path: Path) -> None:
    found = check_key(settings(tmp_path))
    assert (found.configuration, found.fine) == (
        [],
        ["the sealer's key is not made yet: `hemostat up` makes it, or `hemostat audit keys new`"],
    )


def test_the_first_key_and_its_trust_file_are_fine(tmp_path: Path) -> None:
    first_key(settings(tmp_path))
    found = check_key(settings(tmp_path))
    assert found.configuration == []
    assert "vouches" in found.fine[0]


def test_a_file_that_is_no_key_is_told_without_its_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key.pem").write_text("hunter2")
    (tmp_path / "key.pem").chmod(0o600)
    settings(tmp_path, f'key = "file:{tmp_path}/key.pem"\n')
    assert run(["check", "--offline", "--json", "--config", str(tmp_path / "hemostat.toml")]) == 2
    said = capsys.readouterr().out
    assert "no Ed25519 private key" in json.loads(said)["problems"][0]["what"]
    assert "hunter2" not in said


@pytest.mark.parametrize("retired", [False, True], ids=["never named", "retired"])
def test_a_key_that_the_trust_file_does_not_vouch_for_is_a_problem(
    tmp_path: Path, *, retired: bool
) -> None:
    key = make_key(tmp_path / "key.pem")
    trust = with_key(None, key if retired else SigningKey.make(), datetime.now(UTC))
    write_trust(tmp_path / "trust.json", with_key(trust, SigningKey.make(), datetime.now(UTC)))
    named = f'key = "file:{tmp_path}/key.pem"\ntrust = "trust.json"\n'
    (problem,) = check_key(settings(tmp_path, named)).configuration
    assert ("has retired" if retired else "does not name") in problem.what


async def test_a_store_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = await check_outside(settings(tmp_path, 'store = "file/store"\n'))
    assert found.reachability[0].what.startswith("The audit store")
    fine = await check_outside(settings(tmp_path, 'store = "folder/store"\n'))
    assert (fine.reachability, fine.fine) == ([], ["the audit store takes what is sealed"])


async def test_a_bucket_that_does_not_answer_is_told_and_a_wrong_endpoint_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMOSTAT_TEST_SECRET", "x")
    keys = 'access_key = "env:HEMOSTAT_TEST_SECRET"\nsecret_key = "env:HEMOSTAT_TEST_SECRET"\n'
    away = f'[audit.s3]\nbucket = "b"\nendpoint = "http://127.0.0.1:9"\n{keys}'
    found = await check_outside(settings(tmp_path, away))
    assert "does not answer" in found.reachability[0].what
    wrong = f'[audit.s3]\nbucket = "b"\nendpoint = "nowhere"\n{keys}'
    (problem,) = (await check_outside(settings(tmp_path, wrong))).configuration
    assert isinstance(problem, ConfigurationError)


async def test_an_authority_that_does_not_answer_or_does_not_grant_is_told(tmp_path: Path) -> None:
    found = await check_outside(settings(tmp_path, 'timestamps = "http://127.0.0.1:9"\n'))
    assert "does not answer" in found.reachability[0].what

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        found = await check_outside(settings(tmp_path, f'timestamps = "{url}"\n'))
    finally:
        server.shutdown()
        server.server_close()
    assert "did not grant" in found.reachability[0].what
