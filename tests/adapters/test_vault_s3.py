"""Evidence in a real S3 with Object Lock: it stays, whoever has the keys and whatever is lost."""

import base64
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from activities.parts.sealed_originals import Restricted
from activities.vault_s3 import Connection, VaultS3
from hemostat.cli.check import findings
from hemostat.drill.range.evidence_store import (
    BUCKET,
    EvidenceStore,
    end_evidence_store,
    start_evidence_store,
    wait_evidence_store,
)
from hemostat.settings.bucket import S3Table
from hemostat.vault import EvidenceMissing, Vault
from hemostat.vault.bucket import BucketKeep
from schemas.canonical import digest_bytes
from schemas.errors import EvidenceCorrupt
from schemas.evidence import EvidenceItem
from schemas.ports.vault import ArchiveJournal, VerifyEvidence
from tests.adapters.liar import Liar, Lie

pytestmark = pytest.mark.real


@dataclass
class There:
    """The bucket, a table for it, and a thief with its keys."""

    store: EvidenceStore
    table: S3Table
    thief: Any

    def vault(self, **changed: object) -> Vault:
        """The vault in it."""
        return Vault(BucketKeep(self.table.model_copy(update=changed)))

    def versions(self, item: EvidenceItem) -> list[dict[str, Any]]:
        """What the bucket has under the item's digest, newest first."""
        answer = self.thief.list_object_versions(Bucket=BUCKET, Prefix=key(item))
        return list(answer.get("Versions", []))


def key(item: EvidenceItem) -> str:
    plain = item.digest.removeprefix("sha256:")
    return f"case/sha256/{plain[:2]}/{plain}"


async def put(vault: Vault, content: bytes, name: str = "note") -> EvidenceItem:
    return await vault.put(
        content, media_type="text/plain", name=name, source="test", method="typed"
    )


def some(what: str) -> bytes:
    """Bytes that nothing else in this bucket has."""
    return f"{what} {secrets.token_hex(8)}".encode()


@pytest.fixture(scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[There]:
    """SeaweedFS, which is an S3 with Object Lock."""
    child, store = await start_evidence_store(tmp_path_factory.mktemp("weed"))
    async with child:
        await wait_evidence_store(child, store)
        table = S3Table(
            bucket=BUCKET,
            prefix="case",
            endpoint=store.url,
            retain=timedelta(days=1),
            access_key=f"file:{store.access_file}",
            secret_key=f"file:{store.secret_file}",
        )
        yield There(store, table, store.client())
        await end_evidence_store(child, store)


async def test_who_has_the_keys_can_neither_delete_nor_replace_evidence(there: There) -> None:
    vault = there.vault()
    content = some("what happened")
    item = await put(vault, content)
    (version,) = there.versions(item)
    here = {"Bucket": BUCKET, "Key": key(item), "VersionId": version["VersionId"]}
    with pytest.raises(ClientError):
        there.thief.delete_object(**here)
    with pytest.raises(ClientError):
        there.thief.delete_object(**here, BypassGovernanceRetention=True)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(ClientError):
        there.thief.put_object_retention(
            **here, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": soon}
        )
    there.thief.put_object(Bucket=BUCKET, Key=key(item), Body=b"forged")
    assert vault.read(item.digest) == content
    there.thief.delete_object(Bucket=BUCKET, Key=key(item))
    assert vault.read(item.digest) == content
    assert vault.has(item.digest)


async def test_the_same_bytes_twice_are_one_object_and_two_ledger_lines(there: There) -> None:
    vault, content = there.vault(), some("same")
    first, second = await put(vault, content, "one"), await put(vault, content, "two")
    assert first.digest == second.digest
    assert len(there.versions(first)) == 1
    told = [item.name for item in vault.ledger() if item.digest == first.digest]
    assert told == ["one", "two"]


async def test_what_is_sealed_again_is_locked_as_long_as_if_it_were_new(there: There) -> None:
    content = some("found again")
    item = await put(there.vault(), content)
    await put(there.vault(retain=timedelta(days=30)), content)
    await put(there.vault(), content)  # never for shorter
    (version,) = there.versions(item)
    held = there.thief.get_object_retention(
        Bucket=BUCKET, Key=key(item), VersionId=version["VersionId"]
    )["Retention"]
    assert held["Mode"] == "COMPLIANCE"
    assert held["RetainUntilDate"] > datetime.now(UTC) + timedelta(days=29)


async def test_a_lost_answer_is_asked_again_and_nothing_is_there_twice(there: There) -> None:
    lost: list[str] = []

    def lie(method: str, path: str) -> Lie:
        if method == "PUT" and "/sha256/" in path and not lost:
            lost.append(path)
            return Lie.ACT_THEN_HANG_UP
        return Lie.NONE

    content = some("once")
    async with Liar(there.store.url, keeps_host=True) as liar:
        liar.lie = lie
        item = await put(there.vault(endpoint=liar.url), content)
    assert lost
    assert len(there.versions(item)) == 1
    assert there.vault().read(item.digest) == content


async def test_what_is_not_there_is_named(there: There) -> None:
    absent = digest_bytes(b"never put")
    assert not there.vault().has(absent)
    with pytest.raises(EvidenceMissing, match=absent):
        there.vault().read(absent)


async def test_what_someone_put_there_first_is_never_papered_over(there: There) -> None:
    content = some("what happened")
    item = EvidenceItem(
        digest=digest_bytes(content),
        size=len(content),
        media_type="text/plain",
        name="note",
        source="test",
        method="typed",
        collected_at=datetime.now(UTC),
    )
    there.thief.put_object(Bucket=BUCKET, Key=key(item), Body=b"forged")
    with pytest.raises(EvidenceCorrupt):
        await put(there.vault(), content)
    with pytest.raises(EvidenceCorrupt):
        there.vault().read(item.digest)


async def test_originals_are_locked_into_the_bucket_and_open_with_their_key_alone(
    there: There, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    restricted, original = Restricted.by(f"file:{tmp_path / 'key'}"), some("an original")
    item = await restricted.seal(there.vault(), original)
    (version,) = there.versions(item)
    stored = there.thief.get_object(Bucket=BUCKET, Key=key(item), VersionId=version["VersionId"])
    locked = stored["Body"].read()
    assert original not in locked
    assert restricted.open(locked, digest_bytes(original)) == original


async def test_the_adapter_reads_back_what_is_there_and_names_what_is_missing(
    there: There, tmp_path: Path
) -> None:
    adapter = VaultS3(Connection(adapter="vault_s3"), there.vault())
    archived = await adapter.archive_journal(ArchiveJournal(segment='[{"seq":0}]'))
    absent = digest_bytes(b"absent")
    seen = await adapter.verify_evidence(VerifyEvidence(digests=(archived.digest, absent)))
    assert (seen.checked, seen.missing, seen.corrupt) == (2, (absent,), ())
    assert await adapter.check() == []
    (problem,) = await VaultS3(Connection(adapter="vault_s3"), Vault(tmp_path)).check()
    assert "add [vault.s3]" in problem


async def test_a_bucket_that_does_not_lock_is_named_by_check(there: There, tmp_path: Path) -> None:
    there.thief.create_bucket(Bucket="plain")
    for bucket, says in (
        ("plain", "bucket plain does not offer Object Lock"),
        ("nowhere", "no bucket nowhere"),
        (BUCKET, None),
    ):
        (tmp_path / "hemostat.toml").write_text(
            f'[vault.s3]\nbucket = "{bucket}"\nendpoint = "{there.store.url}"\n'
            f'access_key = "file:{there.store.access_file}"\n'
            f'secret_key = "file:{there.store.secret_file}"\n'
        )
        found = await findings(tmp_path / "hemostat.toml")
        told = [problem.what for problem in found.reachability if "vault" in problem.what]
        if says is None:
            assert told == []
            assert "the vault bucket evidence locks what is sealed" in found.fine
        else:
            (one,) = told
            assert says in one
