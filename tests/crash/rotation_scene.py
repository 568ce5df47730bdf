"""The scene of a rotation: an assistant, its cloud behind a proxy that can be watched, and workers."""

import asyncio
import json
import secrets
from typing import Any

import httpx2

from hemostat.drill.exfiltration_configuration import exfiltration_configuration
from hemostat.drill.range.exfiltration_range import (
    BUCKET,
    COLLEAGUES,
    SECRET,
    SERVICE_PRINCIPAL,
    SUSPECT_PRINCIPAL,
    ExfiltrationRange,
)
from hemostat.drill.stage import Addresses
from hemostat.processes import free_ports
from hemostat.settings import Settings
from hemostat.temporal import connect_to
from tests.adapters.liar import Liar
from tests.crash.fault import Trap
from tests.crash.scene import Scene

QUICK = {
    "looks = 2": "looks = 1",  # of a stage as well
    'look_every = "PT1S"': 'look_every = "PT0.1S"',
    'look_within = "PT20S"': 'look_within = "PT60S"',
    'audiences = ["researcher"]': "audiences = []",
    'regimes = ["gdpr-33", "nis2-23-4a", "aia-73-6-hold"]': "regimes = []",
}


class RotationScene(Scene):
    """One assistant to rotate the keys of. Use as an async context manager."""

    async def _start(self) -> None:
        enter = self._stack.enter_async_context
        self.ground = await enter(ExfiltrationRange())
        self.range = self.ground  # type: ignore[assignment]  # of it only the environment is used
        self.state = self.ground.state
        self.servicenow_password = secrets.token_urlsafe(24)
        port, ui_port, pager_port = free_ports(3)
        self._ports = (port, ui_port)
        await self._start_temporal()
        self._stack.push_async_callback(self._stop_temporal)
        self.client = await connect_to(self.temporal.address, self.temporal.namespace)
        self.pagerduty = await self._standin("pagerduty", pager_port)
        self.cloud_proxy = await enter(Liar(self.ground.cloud.url, keeps_host=True))
        config = self.state / "hemostat.toml"
        config.write_text(self._configuration(), encoding="utf-8")
        self.settings = Settings.load(config)
        self.trap = Trap(self.state)
        self._stack.push_async_callback(self._stop_workers)
        self._worker = await self._load_worker()
        await self._promote()

    def _configuration(self) -> str:
        (self.state / "outbox").mkdir()
        self.ground.secret_file("routing-key", secrets.token_hex(16))
        self.ground.secret_file("alert-token", secrets.token_urlsafe(24))
        self.ground.secret_file("reporter-secret", secrets.token_urlsafe(24))
        self.ground.secret_file("trusted-accounts.json", json.dumps(list(COLLEAGUES)))
        where = Addresses(free_ports(1)[0], self.pagerduty.url, "")
        text = exfiltration_configuration(self.ground, where).partition("\n[people.")[0]
        cloud = f'endpoint_url = "{self.ground.cloud.url}"'
        for said, instead in {**QUICK, cloud: f'endpoint_url = "{self.cloud_proxy.url}"'}.items():
            assert said in text, said
            text = text.replace(said, instead)
        return text

    # What became of the keys, asked at the cloud itself

    def keys(self, principal: str) -> dict[str, str]:
        """Its keys, and whether each is in use."""
        rows = self.ground.cloud.client("iam").list_access_keys(UserName=principal)
        return {row["AccessKeyId"]: row["Status"] for row in rows["AccessKeyMetadata"]}

    def stored(self) -> dict[str, str]:
        """The key that services take from the store now."""
        store = self.ground.cloud.client("secretsmanager")
        held: dict[str, str] = json.loads(store.get_secret_value(SecretId=SECRET)["SecretString"])
        return held

    def opens(self, key: dict[str, str]) -> bool:
        """Whether the documents can be listed with this key."""
        client = self.ground.cloud.client("s3", key["access_key_id"], key["secret_access_key"])
        try:
            client.list_objects_v2(Bucket=BUCKET, MaxKeys=1)
        except client.exceptions.ClientError:
            return False
        return True

    def tags(self) -> list[str]:
        """What a rotation that did not end would leave at the principal."""
        found = self.ground.cloud.client("iam").list_user_tags(UserName=SERVICE_PRINCIPAL)
        return [tag["Key"] for tag in found["Tags"]]

    async def assistant(self) -> dict[str, Any]:
        """What the assistant says of itself."""
        token = (self.state / "admin-token").read_text()
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await http.get(
                f"{self.ground.assistant_url}/admin/state",
                headers={"authorization": f"Bearer {token}"},
            )
        state: dict[str, Any] = answer.raise_for_status().json()
        return state

    async def everything_about_keys(self) -> dict[str, Any]:
        """All of it, as it should be once and for all: what two rotations must agree on."""
        own = await asyncio.to_thread(self.keys, SERVICE_PRINCIPAL)
        held = await asyncio.to_thread(self.stored)
        return {
            "keys of its own": sorted(own.values()),
            "the old one is gone": self.ground.service_key["access_key_id"] not in own,
            "what is stored is the one": [*own] == [held["access_key_id"]],
            "what is stored works": self.opens(held),
            "the old one is refused": not self.opens(self.ground.service_key),
            "the assistant uses it": (await self.assistant())["key_id"] == held["access_key_id"],
            "keys of the insider": sorted(self.keys(SUSPECT_PRINCIPAL).values()),
            "the insider's is refused": not self.opens(self.ground.suspect_key),
            "nothing is left of it": self.tags(),
        }
