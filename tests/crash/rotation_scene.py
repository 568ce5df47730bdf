"""The scene of a rotation: an assistant, its cloud behind a proxy that can be watched, and workers."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx2

from hemostat.drill.exfiltration_configuration import exfiltration_configuration
from hemostat.drill.range.exfiltration_range import (
    BUCKET,
    COLLEAGUES,
    SECRET,
    SERVICE_PRINCIPAL,
    SUSPECT,
    SUSPECT_PRINCIPAL,
    ExfiltrationRange,
)
from hemostat.drill.stage import Addresses
from hemostat.processes import free_ports
from hemostat.settings import Settings
from hemostat.temporal import connect_to
from schemas.alert import Alert
from tests.adapters.liar import Liar
from tests.crash.fault import Trap
from tests.crash.outside import Outside
from tests.crash.proxy import Proxy
from tests.crash.scene import Scene
from tests.workflows.exfiltration_world import canary

QUICK = {
    "looks = 2": "looks = 1",  # of a stage as well
    'look_every = "PT1S"': 'look_every = "PT0.1S"',
    'look_within = "PT20S"': 'look_within = "PT60S"',
    'audiences = ["researcher"]': "audiences = []",
    'regimes = ["gdpr-33", "nis2-23-4a", "aia-73-6-hold"]': "regimes = []",
}


class RotationScene(Scene[ExfiltrationRange]):
    """One assistant to rotate the keys of. Use as an async context manager.

    It has a cloud that can be watched instead of proxies, and is asked what became of its keys.
    """

    playbook, service = "assistant-exfiltration", "assistant"

    def ground(self) -> ExfiltrationRange:
        """The range, not yet entered."""
        return ExfiltrationRange()

    def systems(self) -> Mapping[str, Proxy]:
        """None: the cloud is watched by a proxy of another kind."""
        return {}

    async def describe(self, where: Addresses, urls: Mapping[str, str]) -> str:
        """The text of hemostat.toml; *urls* has the watched cloud."""
        return self._configuration(where, urls["cloud"])

    def look(self) -> Outside:
        """Nobody: see ``everything_about_keys``."""
        raise NotImplementedError

    async def attack(self) -> None:
        """Nothing is taken: what counts here is the keys."""

    def alert(self) -> Alert:
        """A canary of the suspect's."""
        return canary(labels={"caller": SUSPECT})

    async def _start(self) -> None:
        enter = self._stack.enter_async_context
        self.range = await enter(self.ground())
        self.state = self.range.state
        self.servicenow_password = secrets.token_urlsafe(24)
        port, ui_port, pager_port = free_ports(3)
        self._ports = (port, ui_port)
        await self._start_temporal()
        self._stack.push_async_callback(self._stop_temporal)
        self.client = await connect_to(self.temporal.address, self.temporal.namespace)
        self.pagerduty = await self._standin("pagerduty", pager_port)
        self.cloud_proxy = await enter(Liar(self.range.cloud.url, keeps_host=True))
        config = self.state / "hemostat.toml"
        where = Addresses(free_ports(1)[0], self.pagerduty.url, "")
        text = await self.describe(where, {"cloud": self.cloud_proxy.url})
        config.write_text(text, encoding="utf-8")
        self.settings = Settings.load(config)
        self.trap = Trap(self.state)
        self._stack.push_async_callback(self._stop_workers)
        self._worker = await self._load_worker()
        await self._promote()

    def _configuration(self, where: Addresses, cloud_url: str) -> str:
        (self.state / "outbox").mkdir()
        self.range.secret_file("routing-key", secrets.token_hex(16))
        self.range.secret_file("alert-token", secrets.token_urlsafe(24))
        self.range.secret_file("reporter-secret", secrets.token_urlsafe(24))
        self.range.secret_file("trusted-accounts.json", json.dumps(list(COLLEAGUES)))
        text = exfiltration_configuration(self.range, where).partition("\n[people.")[0]
        cloud = f'endpoint_url = "{self.range.cloud.url}"'
        for said, instead in {**QUICK, cloud: f'endpoint_url = "{cloud_url}"'}.items():
            assert said in text, said
            text = text.replace(said, instead)
        return text

    # What became of the keys, asked at the cloud itself

    def keys(self, principal: str) -> dict[str, str]:
        """Its keys, and whether each is in use."""
        rows = self.range.cloud.client("iam").list_access_keys(UserName=principal)
        return {row["AccessKeyId"]: row["Status"] for row in rows["AccessKeyMetadata"]}

    def stored(self) -> dict[str, str]:
        """The key that services take from the store now."""
        store = self.range.cloud.client("secretsmanager")
        held: dict[str, str] = json.loads(store.get_secret_value(SecretId=SECRET)["SecretString"])
        return held

    def opens(self, key: dict[str, str]) -> bool:
        """Whether the documents can be listed with this key."""
        client = self.range.cloud.client("s3", key["access_key_id"], key["secret_access_key"])
        try:
            client.list_objects_v2(Bucket=BUCKET, MaxKeys=1)
        except client.exceptions.ClientError:
            return False
        return True

    def tags(self) -> list[str]:
        """What a rotation that did not end would leave at the principal."""
        found = self.range.cloud.client("iam").list_user_tags(UserName=SERVICE_PRINCIPAL)
        return [tag["Key"] for tag in found["Tags"]]

    async def assistant(self) -> dict[str, Any]:
        """What the assistant says of itself."""
        token = (self.state / "admin-token").read_text()
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await http.get(
                f"{self.range.assistant_url}/admin/state",
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
            "the old one is gone": self.range.service_key["access_key_id"] not in own,
            "what is stored is the one": [*own] == [held["access_key_id"]],
            "what is stored works": self.opens(held),
            "the old one is refused": not self.opens(self.range.service_key),
            "the assistant uses it": (await self.assistant())["key_id"] == held["access_key_id"],
            "keys of the insider": sorted(self.keys(SUSPECT_PRINCIPAL).values()),
            "the insider's is refused": not self.opens(self.range.suspect_key),
            "nothing is left of it": self.tags(),
        }
