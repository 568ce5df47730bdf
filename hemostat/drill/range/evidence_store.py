"""Where a range's evidence is kept: a real S3 (SeaweedFS) whose bucket locks its objects.

Law: listens on loopback, any number of them beside each other. Its one identity may do everything, as a thief of the keys could; what
is locked is refused to it all the same.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from hemostat.processes import LOOPBACK, ChildProcess, free_ports

BUCKET: Final = "evidence"
REGION: Final = "us-east-1"
_READY_WITHIN: Final = timedelta(seconds=60)
_MAY: Final = ("Admin", "Read", "Write", "List", "Tagging")
_PARTS: Final = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class EvidenceStore:
    """Where it is, the files with the one credential, and what it leaves outside its folder."""

    url: str
    access_file: Path
    secret_file: Path
    sockets: tuple[Path, ...]

    def client(self) -> Any:
        """A boto3 client with the one credential. Blocking; tries once."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.access_file.read_text(),
            aws_secret_access_key=self.secret_file.read_text(),
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )


async def start_evidence_store(
    folder: Path, env: Mapping[str, str] | None = None
) -> tuple[ChildProcess, EvidenceStore]:
    """Spawn it below *folder*; ``wait_evidence_store`` tells when its bucket is there."""
    for below in ("data", "logs"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    access, secret = secrets.token_hex(8), secrets.token_hex(16)
    keys = [{"accessKey": access, "secretKey": secret}]
    identity = {"name": "hemostat", "credentials": keys, "actions": _MAY}
    _secret(folder / "s3.json", json.dumps({"identities": [identity]}))
    ports = free_ports(2 * len(_PARTS))
    http = dict(zip(_PARTS, ports, strict=False))
    grpc = dict(zip(_PARTS, ports[len(_PARTS) :], strict=True))
    argv: list[str | Path] = [
        Path(sys.executable).with_name("weed"),
        "server",
        f"-dir={folder / 'data'}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        "-filer",
        "-s3",
        f"-s3.config={folder / 's3.json'}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=8",
        "-s3.port.iceberg=0",  # fixed ports otherwise, and there may be two of us
        "-s3.port.lance=0",
        *(f"-{part}.port={http[part]}" for part in _PARTS),
        *(f"-{part}.port.grpc={grpc[part]}" for part in _PARTS),
    ]
    child = await ChildProcess.start(
        "weed", argv, log=folder / "logs" / "weed.log", env=env, cwd=folder, stranger=True
    )
    return child, EvidenceStore(
        f"http://{LOOPBACK}:{http['s3']}",
        _secret(folder / "access", access),
        _secret(folder / "secret", secret),
        tuple(
            Path(f"/tmp/seaweedfs-{name}.sock")  # noqa: S108 - where it puts them, whatever TMPDIR is
            for part in _PARTS
            for name in (f"{part}-{http[part]}", f"{part}-grpc-{grpc[part]}")
        ),
    )


async def wait_evidence_store(child: ChildProcess, store: EvidenceStore) -> None:
    """Return when its bucket is made, with Object Lock. Raises ``ChildFailed`` otherwise."""
    s3 = store.client()

    async def made() -> bool:
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # by a try whose answer was lost
            await asyncio.to_thread(
                s3.create_bucket, Bucket=BUCKET, ObjectLockEnabledForBucket=True
            )
        return True

    try:
        await child.wait_ready(made, _READY_WITHIN)
    finally:
        s3.close()


async def end_evidence_store(child: ChildProcess, store: EvidenceStore) -> None:
    """End it at once: nothing in it is wanted again, and it takes its time otherwise."""
    await child.kill()
    for socket in store.sockets:
        socket.unlink(missing_ok=True)


def _secret(file: Path, value: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(value, encoding="utf-8")
    return file
