"""The write-once store in a real S3 with Object Lock: what was sealed stays, whoever has the keys."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from hemostat.audit.pack.export import export
from hemostat.audit.register import Register
from hemostat.audit.sealing import Overtaken, Sealing
from hemostat.audit.store_s3 import S3Store
from hemostat.audit_settings import S3Table
from hemostat.processes import ChildProcess, free_ports
from hemostat.vault import Vault
from schemas.audit.chain import Link
from schemas.audit.checkpoint import Outcome, Why
from schemas.audit.signing import SigningKey

pytestmark = pytest.mark.real

BUCKET = "sealed"


@dataclass
class Bucket:
    """A bucket with Object Lock and who has its keys."""

    table: S3Table
    s3: Any

    def store(self) -> S3Store:
        """A store on it."""
        return S3Store(self.table)


@pytest.fixture(scope="module")
async def bucket(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bucket]:
    """SeaweedFS, which is an S3 with Object Lock."""
    folder = tmp_path_factory.mktemp("weed")
    access, secret = secrets.token_hex(8), secrets.token_hex(16)
    identity = {
        "name": "sealer",
        "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "access").write_text(access)
    (folder / "secret").write_text(secret)
    (folder / "data").mkdir()
    master, volume, filer, port, *grpc = free_ports(8)
    argv = [
        str(Path(sys.executable).parent / "weed"),
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        "-master.telemetry=false",
        f"-volume.port={volume}",
        "-filer",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={port}",
        f"-s3.config={folder / 's3.json'}",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=8",
        f"-master.port.grpc={grpc[0]}",
        f"-volume.port.grpc={grpc[1]}",
        f"-filer.port.grpc={grpc[2]}",
        f"-s3.port.grpc={grpc[3]}",
    ]
    endpoint = f"http://127.0.0.1:{port}"
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
    )

    async def made() -> bool:
        await asyncio.to_thread(s3.create_bucket, Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        return True

    async with await ChildProcess.start("weed", argv, log=folder / "weed.log") as child:
        await child.wait_ready(made, timedelta(seconds=60))
        table = S3Table(
            bucket=BUCKET,
            prefix="hemostat",
            endpoint=endpoint,
            retain=timedelta(days=1),
            access_key=f"file:{folder / 'access'}",
            secret_key=f"file:{folder / 'secret'}",
        )
        yield Bucket(table, s3)


def test_the_bucket_locks(bucket: Bucket) -> None:
    assert bucket.store().check() == []
    bucket.s3.create_bucket(Bucket="plain")
    (problem,) = S3Store(bucket.table.model_copy(update={"bucket": "plain"})).check()
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
    store, key = S3Store(table), SigningKey.make()
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
