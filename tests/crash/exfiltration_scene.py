"""The assistant that an insider has drained, for incidents of assistant exfiltration."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from hemostat.drill.addresses import Addresses
from hemostat.drill.exfiltration.configuration import exfiltration_configuration
from hemostat.drill.range.exfiltration.range import SUSPECT, ExfiltrationRange
from schemas.alert import Alert
from tests.crash.exfiltration_outside import ExfiltrationOutside
from tests.crash.proxy import Proxy
from tests.crash.scene import Scene
from tests.workflows.case import alert

ENOUGH = 12
"""Answers that the insider got: more documents than chance gives."""


class ExfiltrationScene(Scene[ExfiltrationRange]):
    """One drained assistant with its cloud and its edge."""

    playbook = "assistant-exfiltration"
    service = "assistant"
    outside: ExfiltrationOutside

    def ground(self) -> AbstractAsyncContextManager[ExfiltrationRange]:
        return ExfiltrationRange()

    def systems(self) -> Mapping[str, Proxy]:
        return {
            "caddy": Proxy(self.range.caddy_admin_url),
            "assistant": Proxy(self.range.assistant_url),
            "cloud": Proxy(self.range.cloud.url, keep_host=True),
            "wiki": Proxy(self.range.wiki_url),
        }

    async def describe(self, where: Addresses, urls: Mapping[str, str]) -> str:
        for name in ("alert-token", "reporter-secret"):
            self.range.secret_file(name, secrets.token_urlsafe(24))
        (self.state / "outbox").mkdir()
        text = exfiltration_configuration(self.range, where)
        # The drill's file with quick looks, through our proxies, and nobody silent.
        for old, new in (
            (self.range.caddy_admin_url, urls["caddy"]),
            (self.range.assistant_url, urls["assistant"]),
            (self.range.cloud.url, urls["cloud"]),
            (self.range.wiki_url, urls["wiki"]),
            ('"PT1S"', '"PT0.1S"'),
            ('timer = "3s"', 'timer = "10m"'),
            ("stage_looks = 2", "stage_looks = 1"),
            ('look_within = "PT20S"', 'look_within = "PT60S"'),
        ):
            assert old in text, old
            text = text.replace(old, new)
        return text.partition("[people.")[
            0
        ]  # whoever is asked answers; who may is tested elsewhere

    def look(self) -> ExfiltrationOutside:
        return ExfiltrationOutside(self.range, self.proxies, self.pagerduty, self.servicenow)

    async def attack(self) -> None:
        await self.range.start_insider()
        while sum(bool(take.text) for take in self.range.loot().takes) < ENOUGH:
            await asyncio.sleep(0.2)
        await self.range.stop_insider()
        await self.outside.remember()

    def alert(self) -> Alert:
        named = alert(canaries=1.0)
        return named.model_copy(update={"labels": {"caller": SUSPECT}})
