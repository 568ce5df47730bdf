"""The write-once store in a real S3 with Object Lock: what was sealed stays, whoever has the keys."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hemostat.audit.pack.export import export
from hemostat.audit.register import Register
from hemostat.audit.sealing import Overtaken, Sealing
from hemostat.drill.range.evidence_store import (
    BUCKET,
    end_evidence_store,
    start_evidence_store,
    wait_evidence_store,
)
from hemostat.settings.bucket import S3Table
from hemostat.vault import Vault
from hemostat.vault.locked_bucket import LockedBucket
from schemas.audit.chain import Link
from schemas.audit.checkpoint import Outcome, Why
from schemas.audit.signing import SigningKey

pytestmark = pytest.mark.real


@dataclass
class Bucket:
    """A bucket with Object Lock and who has its keys."""

    table: S3Table
    s3: Any

    def store(self) -> LockedBucket:
        """A store on it."""
        return LockedBucket(self.table, use="audit")


@pytest.fixture(scope="module")
async def bucket(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bucket]:
    """SeaweedFS, which is an S3 with Object Lock."""
    child, there = await start_evidence_store(tmp_path_factory.mktemp("weed"))
    async with child:
        await wait_evidence_store(child, there)
        table = S3Table(
            bucket=BUCKET,
            prefix="hemostat",
            endpoint=there.url,
            retain=timedelta(days=1),
            access_key=f"file:{there.access_file}",
            secret_key=f"file:{there.secret_file}",
        )
        yield Bucket(table, there.client())
        await end_evidence_store(child, there)


def test_the_bucket_locks(bucket: Bucket) -> None:
    assert bucket.store().check() == []
    bucket.s3.create_bucket(Bucket="plain")
    plain = bucket.table.model_copy(update={"bucket": "plain"})
    (problem,) = LockedBucket(plain, use="audit").check()
    assert "Object Lock" in problem


def test_of_two_writers_of_one_name_one_succeeds(bucket: Bucket) -> None:
    one, other = bucket.store(), bucket.store()
    assert one.put("register/0000000007.json", b"first")
    assert not other.put("register/0000000007.json", b"second")
    assert other.get("register/0000000007.json") == b"first"
    assert one.get("register/0000000008.json") is None
    assert one.names("register") == ["register/0000000007.json"]


def test_who_has_the_keys_can_neither_delete_nor_cover_what_was_sealed(bucket: Bucket) -> None:
    store, key = bucket.store(), "hemostat/register/0000000009.json"
    assert store.put("register/0000000009.json", b"sealed")
    version = bucket.s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"][0]["VersionId"]
    with pytest.raises(ClientError):
        bucket.s3.delete_object(Bucket=BUCKET, Key=key, VersionId=version)
    with pytest.raises(ClientError):
        bucket.s3.put_object_retention(
            Bucket=BUCKET,
            Key=key,
            VersionId=version,
            Retention={
                "Mode": "COMPLIANCE",
                "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1),
            },
        )
    bucket.s3.put_object(Bucket=BUCKET, Key=key, Body=b"forged")
    assert store.get("register/0000000009.json") == b"sealed"
    bucket.s3.delete_object(Bucket=BUCKET, Key=key)
    assert store.get("register/0000000009.json") == b"sealed"
    assert "register/0000000009.json" in store.names("register")


def test_an_incident_is_sealed_and_exported_from_the_bucket(bucket: Bucket, tmp_path: Path) -> None:
    table = bucket.table.model_copy(update={"prefix": f"of-{tmp_path.name}"})
    store, key = LockedBucket(table, use="audit"), SigningKey.make()
    register = Register(store, key)
    register.enter_opened("i-1", "r-1", playbook="triage", drill=False, opened_at=datetime.now(UTC))
    sealing, rival = Sealing(store, key, "i-1", "r-1"), Sealing(store, key, "i-1", "r-1")
    for one in (sealing, rival):
        one.begin_run("r-1", Link.START)
        one.take([b"\x08\x01\x18\x01"])
    sealing.checkpoint(Why.START)
    with pytest.raises(Overtaken):
        rival.checkpoint(Why.START)
    sealing.checkpoint(Why.CLOSE, outcome=Outcome.TERMINATED)
    register.enter_closed(sealing)
    manifest = export(store, Vault(tmp_path / "vault"), "i-1", tmp_path / "pack.zip")
    assert manifest.closed
