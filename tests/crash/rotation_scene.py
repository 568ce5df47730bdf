"""The scene of a rotation: an assistant, its cloud behind a proxy that can be watched, and workers."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2

from hemostat.drill.addresses import Addresses
from hemostat.drill.exfiltration.configuration import exfiltration_configuration
from hemostat.drill.range.exfiltration.range import (
    BUCKET,
    COLLEAGUES,
    SECRET,
    SERVICE_PRINCIPAL,
    SUSPECT,
    SUSPECT_PRINCIPAL,
    ExfiltrationRange,
)
from schemas.alert import Alert
from tests.adapters.liar import Liar
from tests.crash.outside import Effects, Outside
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
    """One assistant to rotate the keys of. Use as an async context manager."""

    playbook = "assistant-exfiltration"
    service = "assistant"

    def ground(self) -> AbstractAsyncContextManager[ExfiltrationRange]:
        return ExfiltrationRange()

    def systems(self) -> Mapping[str, Proxy]:
        return {}  # the cloud has a proxy of its own kind: what is signed names the address

    async def describe(self, where: Addresses, urls: Mapping[str, str]) -> str:
        cloud = self.range.cloud.url
        self.cloud_proxy = await self._stack.enter_async_context(Liar(cloud, keeps_host=True))
        (self.state / "outbox").mkdir()
        for name in ("alert-token", "reporter-secret"):
            self.range.secret_file(name, secrets.token_urlsafe(24))
        self.range.secret_file("trusted-accounts.json", json.dumps(list(COLLEAGUES)))
        text = exfiltration_configuration(self.range, where).partition("\n[people.")[0]
        changes = {f'endpoint_url = "{cloud}"': f'endpoint_url = "{self.cloud_proxy.url}"'}
        for said, instead in {**QUICK, **changes}.items():
            assert said in text, said
            text = text.replace(said, instead)
        return text

    def look(self) -> Outside:
        return self

    async def attack(self) -> None:
        """Nobody need attack: what matters here is the keys."""

    def alert(self) -> Alert:
        return canary(labels={"caller": SUSPECT})

    # It looks for itself: the keys are asked for at the cloud

    async def reset(self) -> None:
        """There is one incident at each scene."""

    async def effects(self, incident: str) -> Effects:
        return await self.everything_about_keys()

    async def aclose(self) -> None:
        """Nothing is held open."""

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
