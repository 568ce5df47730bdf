"""Timestamps of a real authority (openssl): dating back is noticed even with the sealer's key."""

import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hemostat.audit.keys import compromised, with_key
from hemostat.audit.pack.export import export
from hemostat.audit.register import Register
from hemostat.audit.sealing import Sealing
from hemostat.audit.store import checkpoint_name, timestamp_name
from hemostat.audit.store_folder import FolderStore
from hemostat.audit.timestamps import Timestamps
from hemostat.audit.verify.findings import Verdict
from hemostat.audit.verify.pack import verify_pack
from hemostat.vault import Vault
from schemas.audit.chain import Link
from schemas.audit.checkpoint import KIND, Checkpoint, Outcome, Why
from schemas.audit.signing import SigningKey, open_envelope
from schemas.audit.trust import Authority, Trust
from schemas.base import iso
from schemas.errors import SystemUnreachable

pytestmark = pytest.mark.real

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {0}/serial
crypto_device = builtin
signer_cert = {0}/signer.pem
signer_key = {0}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[v3_tsa]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
basicConstraints = CA:false
"""


class Authority3161:
    """A timestamp authority: ``openssl ts`` behind a small HTTP server on the loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tsa.cnf").write_text(CONFIG.format(folder))
        (folder / "serial").write_text("01\n")
        self._openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=root",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        )
        self._openssl(
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=signer",
            "-keyout",
            "signer.key",
            "-out",
            "signer.csr",
        )
        self._openssl(
            "x509",
            "-req",
            "-in",
            "signer.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-set_serial",
            "2",
            "-days",
            "30",
            "-extfile",
            "tsa.cnf",
            "-extensions",
            "v3_tsa",
            "-out",
            "signer.pem",
        )
        answers = self

        class Front(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                told = answers.reply(asked)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.certificate = (folder / "ca.pem").read_text()

    def reply(self, asked: bytes) -> bytes:
        """What the authority answers."""
        (self.folder / "query.tsq").write_bytes(asked)
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr"
        )
        return (self.folder / "reply.tsr").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
async def authority(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Authority3161]:
    """One that answers."""
    found = Authority3161(tmp_path_factory.mktemp("tsa"))
    thread = Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


class Sealed:
    """A small incident, sealed as if at some time and timestamped now."""

    def __init__(self, folder: Path, authority: Authority3161) -> None:
        self.folder, self.authority = folder, authority
        self.key, self.store = SigningKey.make(), FolderStore(folder / "store")
        keys = with_key(None, self.key, datetime.now(UTC) - timedelta(days=400))
        told = Authority(certificate=authority.certificate, since="2020-01-01T00:00:00.000000Z")
        self.trust: Trust = keys.model_copy(update={"authorities": (told,)})

    async def seal(
        self, at: datetime, *, stamped: bool = True, closed_at: datetime | None = None
    ) -> None:
        """Seal it."""
        register = Register(self.store, self.key, now=lambda: at)
        register.enter_opened("i-1", "r-1", playbook="triage", drill=False, opened_at=at)
        times = iter([at, closed_at or at])
        sealing = Sealing(self.store, self.key, "i-1", "r-1", now=lambda: next(times))
        sealing.begin_run("r-1", Link.START)
        sealing.take([b"\x08\x01\x18\x01"])
        sealing.checkpoint(Why.START)
        sealing.checkpoint(Why.CLOSE, outcome=Outcome.TERMINATED)
        register.enter_closed(sealing)
        if stamped:
            name = checkpoint_name(sealing.place, 1)
            held = open_envelope(KIND, self.store.get(name) or b"", Checkpoint)
            answer = await Timestamps(self.authority.url).ask(held.content)
            self.store.put(timestamp_name(sealing.place, 1), answer)

    def verdict(self) -> Verdict:
        """What an auditor is told."""
        pack = self.folder / "pack.zip"
        pack.unlink(missing_ok=True)
        export(self.store, Vault(self.folder / "vault"), "i-1", pack)
        return verify_pack(pack, self.trust)

    def codes(self) -> set[str]:
        """What is found."""
        return {finding.code for finding in self.verdict().findings}


async def test_a_timestamp_of_the_authority_holds(authority: Authority3161, tmp_path: Path) -> None:
    sealed = Sealed(tmp_path, authority)
    await sealed.seal(datetime.now(UTC))
    verdict = sealed.verdict()
    assert verdict.findings == ()
    assert any(check.says == "1 timestamp from outside holds" for check in verdict.checks)


async def test_the_sealers_own_key_cannot_date_back(
    authority: Authority3161, tmp_path: Path
) -> None:
    sealed = Sealed(tmp_path, authority)
    await sealed.seal(datetime.now(UTC) - timedelta(days=30))
    assert "time-backdated" in sealed.codes()


async def test_only_the_end_dated_honestly_does_not_date_the_rest(
    authority: Authority3161, tmp_path: Path
) -> None:
    """With the key all is sealed anew a month later, and the end alone is of today."""
    sealed, now = Sealed(tmp_path, authority), datetime.now(UTC)
    await sealed.seal(now - timedelta(days=30), closed_at=now)
    assert sealed.codes() == {"timestamp-late"}
    told = Authority(certificate=authority.certificate, since=iso(now - timedelta(days=1)))
    sealed.trust = sealed.trust.model_copy(update={"authorities": (told,)})
    assert sealed.codes() == set(), "before there was an authority nobody was asked for the time"


async def test_without_its_timestamp_a_pack_does_not_hold(
    authority: Authority3161, tmp_path: Path
) -> None:
    sealed = Sealed(tmp_path, authority)
    await sealed.seal(datetime.now(UTC), stamped=False)
    assert sealed.codes() == {"timestamp-missing"}


async def test_an_authority_that_nobody_trusts_proves_nothing(
    authority: Authority3161, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = Authority3161(tmp_path / "stranger")
    sealed = Sealed(tmp_path, authority)
    await sealed.seal(datetime.now(UTC))
    told = Authority(certificate=stranger.certificate, since="2020-01-01T00:00:00.000000Z")
    sealed.trust = sealed.trust.model_copy(update={"authorities": (told,)})
    assert "timestamp-invalid" in sealed.codes()
    stranger.server.server_close()


async def test_what_was_signed_before_a_key_was_stolen_counts_with_a_timestamp_that_says_so(
    authority: Authority3161, tmp_path: Path
) -> None:
    sealed = Sealed(tmp_path, authority)
    await sealed.seal(datetime.now(UTC))
    kid, trust = sealed.key.kid, sealed.trust
    sealed.trust = compromised(trust, kid, datetime.now(UTC) + timedelta(days=1))
    assert sealed.codes() == set()
    sealed.trust = compromised(trust, kid, datetime.now(UTC) - timedelta(days=1))
    assert any("checkpoint" in f.where for f in sealed.verdict().findings)


async def test_the_sealer_has_its_checkpoints_timestamped(
    authority: Authority3161, tmp_path: Path
) -> None:
    store, stamps = FolderStore(tmp_path), Timestamps(authority.url)
    sealing = Sealing(store, SigningKey.make(), "i-1", "r-1")
    sealing.begin_run("r-1", Link.START)
    sealing.checkpoint(Why.START)
    assert await stamps.stamp(store, sealing.place, 0)
    first = store.get(timestamp_name(sealing.place, 0))
    assert first
    assert await stamps.stamp(store, sealing.place, 0)
    assert store.get(timestamp_name(sealing.place, 0)) == first
    assert not await stamps.stamp(store, sealing.place, 1)


async def test_a_checkpoint_of_long_ago_is_not_timestamped_any_more(
    authority: Authority3161, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    sealing = Sealing(store, SigningKey.make(), "i-1", "r-1", now=lambda: long_ago)
    sealing.begin_run("r-1", Link.START)
    sealing.checkpoint(Why.START)
    assert not await Timestamps(authority.url).stamp(store, sealing.place, 0)


async def test_an_authority_that_is_down_delays_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    sealing = Sealing(store, SigningKey.make(), "i-1", "r-1")
    sealing.begin_run("r-1", Link.START)
    sealing.checkpoint(Why.START)
    assert not await Timestamps("http://127.0.0.1:9").stamp(store, sealing.place, 0)


class ComesBack(Timestamps):
    """An authority that does not answer at first."""

    asked = 0

    async def ask(self, said: bytes) -> bytes:
        self.asked += 1
        if self.asked == 1:
            raise SystemUnreachable("it is down", where="[audit] timestamps")
        return await super().ask(said)


async def test_the_close_is_asked_for_again_until_the_authority_answers(
    authority: Authority3161, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    sealing = Sealing(store, SigningKey.make(), "i-1", "r-1")
    sealing.begin_run("r-1", Link.START)
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.TERMINATED)
    stamps = ComesBack(authority.url)
    assert await stamps.stamp_last(store, sealing.place, 0)
    assert stamps.asked == 2
    assert store.get(timestamp_name(sealing.place, 0))


async def test_what_is_too_old_for_a_timestamp_is_not_waited_for(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    sealing = Sealing(store, SigningKey.make(), "i-1", "r-1", now=lambda: long_ago)
    sealing.begin_run("r-1", Link.START)
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.TERMINATED)
    assert not await Timestamps("http://127.0.0.1:9").stamp_last(store, sealing.place, 0)
