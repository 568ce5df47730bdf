"""The moderation service with stickers in its approvals, for incidents of adversarial evasion."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from hemostat.drill.addresses import Addresses
from hemostat.drill.evasion.configuration import SILENCE_SECONDS, evasion_configuration
from hemostat.drill.range.evasion.range import ModerationRange
from schemas.alert import Alert
from tests.crash.evasion_outside import EvasionOutside
from tests.crash.proxy import Proxy
from tests.crash.scene import Scene
from tests.workflows.case import alert

ENOUGH = 12
"""Confirmed items of one sticker: from then on the pattern is clear."""


class EvasionScene(Scene[ModerationRange]):
    """One evaded moderation service."""

    playbook = "adversarial-evasion"
    service = "image-moderation"
    outside: EvasionOutside

    def ground(self) -> AbstractAsyncContextManager[ModerationRange]:
        return ModerationRange()

    def systems(self) -> Mapping[str, Proxy]:
        return {
            "caddy": Proxy(self.range.caddy_admin_url),
            "service": Proxy(self.range.service_url),
        }

    async def describe(self, where: Addresses, urls: Mapping[str, str]) -> str:
        key = self.state / "evidence-key"
        key.touch(mode=0o600)
        key.write_bytes(b64encode(secrets.token_bytes(32)))
        (self.state / "alert-token").write_text(secrets.token_urlsafe(24), "utf-8")
        (self.state / "outbox").mkdir()
        before = await self.range.admin("/admin/signals")
        text = evasion_configuration(
            self.range,
            where,
            fn_rate=before["fn_rate"],
            disagreement=before["transform_disagree"],
        )
        # The drill's file with quick looks, through our proxies, and nobody silent.
        for old, new in (
            (self.range.caddy_admin_url, urls["caddy"]),
            (self.range.service_url, urls["service"]),
            ('"PT1S"', '"PT0.1S"'),
            (f'timer = "{SILENCE_SECONDS}s"', 'timer = "10m"'),
            ("stage_looks = 2", "stage_looks = 1"),
            ('look_within = "PT20S"', 'look_within = "PT60S"'),
        ):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def look(self) -> EvasionOutside:
        return EvasionOutside(self.range, self.proxies, self.pagerduty, self.servicenow)

    async def attack(self) -> None:
        await self.range.start_attack()
        self.range.flag_one_item()
        while True:
            seen = await self.range.admin("/admin/signals")
            if seen["cluster_items"] >= ENOUGH and seen["flagged"]:
                break
            await asyncio.sleep(0.2)
        await self.range.stop_attack()
        await self.range.fall_silent()
        await self.outside.remember()

    def alert(self) -> Alert:
        told = {"audit_n": 1240, "fn_rate": 0.023, "fn_base": 0.005, "apparent_csam": 1}
        return alert().model_copy(update={"evidence": told})
