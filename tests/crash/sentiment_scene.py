"""The sentiment service, its feedback loop poisoned, for incidents of feedback poisoning."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from hemostat.drill.addresses import Addresses
from hemostat.drill.range.poisoning.attacker import Plan
from hemostat.drill.range.poisoning.range import Range
from schemas.alert import Alert
from tests.crash.configuration import configuration
from tests.crash.proxy import Proxy
from tests.crash.scene import Scene
from tests.crash.sentiment_outside import SentimentOutside
from tests.workflows.case import alert

ATTACK_SECONDS = 4.0


class SentimentScene(Scene[Range]):
    """One poisoned sentiment service."""

    playbook = "feedback-poisoning"
    service = "sentiment-api"
    outside: SentimentOutside

    def ground(self) -> AbstractAsyncContextManager[Range]:
        # So rarely that it never retrains by itself: what happens here is Hemostat's doing.
        return Range(retrain_every=100_000)

    def systems(self) -> Mapping[str, Proxy]:
        systems = {"caddy": self.range.caddy_admin_url, "mlflow": self.range.mlflow_url}
        return {name: Proxy(url) for name, url in (systems | self.range.replica_urls).items()}

    async def describe(self, where: Addresses, urls: Mapping[str, str]) -> str:
        standins = {"pagerduty": where.pagerduty, "servicenow": where.servicenow}
        return configuration(self.range, await self.range.measure(), {**urls, **standins})

    def look(self) -> SentimentOutside:
        return SentimentOutside(self.range, self.proxies, self.pagerduty, self.servicenow)

    async def attack(self) -> None:
        await self.range.start_attack(Plan(slow_seconds=0.0, per_second=120.0))
        await asyncio.sleep(ATTACK_SECONDS)
        await self.range.stop_attack()
        await self.outside.poison()

    def alert(self) -> Alert:
        return alert()
