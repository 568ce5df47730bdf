"""The cloud: a real local AWS endpoint (ministack) that refuses dead keys and denied sessions.

Law: listens on loopback, keeps everything in memory, and enforces IAM (``AUTH=true``); the root
credential is made anew for each start and known to whoever started it only.
"""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import httpx2
from botocore.config import Config

from hemostat.processes import LOOPBACK, ChildProcess

REGION: Final = "us-east-1"
_READY_WITHIN: Final = timedelta(seconds=30)


@dataclass(frozen=True)
class Cloud:
    """Where the endpoint is, and its root."""

    url: str
    key_id: str
    secret: str

    def client(
        self, service: str, key_id: str = "", secret: str = "", token: str | None = None
    ) -> Any:
        """A boto3 client: as root unless another credential is given. Blocking; tries once."""
        session = boto3.Session(key_id or self.key_id, secret or self.secret, token, REGION)
        config = Config(
            retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}
        )
        return session.client(  # type: ignore[call-overload]  # the stubs want a literal name
            service, endpoint_url=self.url, config=config
        )


async def start_cloud(state: Path, port: int, env: Mapping[str, str]) -> tuple[ChildProcess, Cloud]:
    """Spawn the endpoint; ``wait_cloud`` tells when it answers."""
    cloud = Cloud(
        f"http://{LOOPBACK}:{port}", f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20)
    )
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": cloud.key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.secret,
        "CLOUDTRAIL_RECORDING": "1",
        "LOG_LEVEL": "WARNING",
    }
    child = await ChildProcess.start(
        "cloud",
        [Path(sys.executable).with_name("ministack")],
        log=state / "logs" / "cloud.log",
        env={**env, **settings},
        cwd=state,
        stranger=True,
    )
    return child, cloud


async def wait_cloud(child: ChildProcess, cloud: Cloud) -> None:
    """Return when it answers. Raises ``ChildFailed`` otherwise."""
    async with httpx2.AsyncClient(base_url=cloud.url, trust_env=False, timeout=2) as http:

        async def answers() -> bool:
            return (await http.get("/_ministack/health")).is_success

        await child.wait_ready(answers, _READY_WITHIN)
