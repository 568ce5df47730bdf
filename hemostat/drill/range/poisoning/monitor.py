"""The monitor: looks at the service once a second and tells Hemostat when it is being poisoned.

    python -m hemostat.drill.range.poisoning.monitor SETTINGS

Law: answers are asked for through the public edge; the live sample and the feedback stream are
read from the service's logs, as a platform team would. The base is what the service did in the
first looks. What is decided, and how it looks on the wire, is in ``detection`` and ``alarm``.
A failed look is no look: a service that does not answer is another alert than this one.
"""

import argparse
import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hemostat.drill.range.pacing import turns
from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.poisoning.alarm import Alarm, exposition, labels, webhook
from hemostat.drill.range.poisoning.detection import Label, Signals, Stream, observe_stream
from hemostat.drill.range.poisoning.measure import Answers, Meter

log = logging.getLogger("monitor")

LIVE_TEXTS: Final = 600
_STREAM_WINDOW: Final = timedelta(seconds=10)
_BASE_LOOKS: Final = 3
_BASE_LOOKS_PER_SECOND: Final = 4.0
_SLOWEST_BASE: Final = 0.5  # labels a second: fewer cannot be told from none in a window


@dataclass(frozen=True)
class MonitorSettings:
    """What the monitor is told. Tokens are named by the files that hold them."""

    edge_url: str
    shadow_url: str
    logs_url: str
    """A replica, for its admin endpoints."""
    admin_token_file: str
    probe_file: str
    metrics_port: int
    webhook_url: str | None = None
    """Where to send alerts; without it the numbers are only exposed."""
    webhook_token_file: str | None = None
    looks_per_second: float = 1.0
    repeat_seconds: float = 15.0
    model: str = "sentiment"
    service: str = "sentiment-api"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file that ``save`` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        """Write all of it to ``path``."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


@dataclass(frozen=True)
class Look:
    """What one turn saw."""

    live: Answers
    shadow: Answers
    probe: Answers
    stream: Sequence[Label]


@dataclass(frozen=True)
class Base:
    """What the service did before."""

    negative_share: float
    probe: Answers
    labels_per_second: float


class Monitor:
    """Looks, decides, tells."""

    def __init__(self, settings: MonitorSettings, meter: Meter, http: httpx2.AsyncClient) -> None:
        self._settings = settings
        self._meter = meter
        self._http = http
        self._probe = corpus.read(Path(settings.probe_file))
        self._alarm = Alarm(timedelta(seconds=settings.repeat_seconds))
        self._first: list[Look] = []
        self._base: Base | None = None
        self._signals: Signals | None = None

    async def run(self) -> None:
        """Look until cancelled; the first looks, which make the base, come quickly."""
        async for _ in turns(_BASE_LOOKS_PER_SECOND):
            await self._try_turn()
            if self._base is not None:
                break
        async for _ in turns(self._settings.looks_per_second):
            await self._try_turn()

    async def turn(self) -> None:
        """One look, and what follows from it."""
        look = await self._look()
        if self._base is None:
            self._first.append(look)
            if len(self._first) == _BASE_LOOKS:
                self._base = base_of(self._first)
                log.info("base: %.3f negative", self._base.negative_share)
            return
        self._signals = compare(look, self._base, self._probe)
        versions = tuple(sorted(set(look.live.versions.values())))
        at = datetime.now(UTC)
        notice = self._alarm.look(at, self._signals, versions)
        if notice is not None and self._settings.webhook_url is not None:
            about = labels(self._settings.model, self._settings.service)
            if await self._tell(webhook(notice, about, self._source_url())):
                log.info("told: %s", notice.status)
                self._alarm.told(notice, at)

    def metrics(self) -> str:
        """The newest numbers as Prometheus text; empty until there is a base to compare with."""
        if self._signals is None:
            return ""
        return exposition(self._signals, firing=self._alarm.firing)

    async def _try_turn(self) -> None:
        try:
            await self.turn()
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            log.warning("no look: %s: %s", type(error).__name__, error)

    async def _look(self) -> Look:
        texts = await live_texts(self._http, LIVE_TEXTS)
        since = (datetime.now(UTC) - _STREAM_WINDOW).isoformat()
        query = {"since": since, "limit": "5000"}
        found = await self._http.get("/admin/feedback", params=query)
        rows = found.raise_for_status().json()["rows"]
        return Look(
            live=await self._meter.ask(texts),
            shadow=await self._meter.ask_shadow(texts),
            probe=await self._meter.ask([row.text for row in self._probe]),
            stream=[_label(row) for row in rows],
        )

    async def _tell(self, body: dict[str, Any]) -> bool:
        token_file, url = self._settings.webhook_token_file, self._settings.webhook_url
        assert url is not None  # noqa: S101 - the caller looked
        headers = {}
        if token_file is not None:
            headers["authorization"] = f"Bearer {Path(token_file).read_text('utf-8').strip()}"
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
                answer = await http.post(url, json=body, headers=headers)
        except httpx2.HTTPError as error:
            log.warning("not told: %s", type(error).__name__)
            return False
        if answer.is_success:
            return True
        log.warning("not told: %d", answer.status_code)
        return False

    def _source_url(self) -> str:
        return f"http://127.0.0.1:{self._settings.metrics_port}/metrics"


def base_of(looks: Sequence[Look]) -> Base:
    """The base: medians over the first looks, and the newest answers to the probe set."""
    rates = [len(look.stream) / _STREAM_WINDOW.total_seconds() for look in looks]
    return Base(
        negative_share=median(look.live.negative_share for look in looks),
        probe=looks[-1].probe,
        labels_per_second=max(median(rates), _SLOWEST_BASE),
    )


def compare(look: Look, base: Base, probe: Sequence[corpus.Review]) -> Signals:
    """What ``look`` says against ``base``."""
    stream: Stream = observe_stream(look.stream, _STREAM_WINDOW, base.labels_per_second)
    return Signals(
        n=len(look.live.labels),
        negative_share=look.live.negative_share,
        base_share=base.negative_share,
        probe_drop=base.probe.accuracy(probe) - look.probe.accuracy(probe),
        probe_flips=look.probe.disagreement(base.probe),
        shadow_share=look.shadow.negative_share,
        shadow_disagreement=look.live.disagreement(look.shadow),
        stream=stream,
    )


async def live_texts(replica: httpx2.AsyncClient, count: int) -> list[str]:
    """The newest texts that users sent; ``replica`` is a client with the admin token."""
    found = await replica.get("/admin/inferences", params={"limit": str(count)})
    return [str(row["text"]) for row in found.raise_for_status().json()["rows"]]


def _label(row: dict[str, Any]) -> Label:
    at, born = (datetime.fromisoformat(row[name]) for name in ("at", "account_created_at"))
    return Label(at, str(row["account"]), born, str(row["text"]))


async def watch(settings: MonitorSettings) -> None:
    """Look and serve ``/metrics`` until the process is told to stop."""
    token = Path(settings.admin_token_file).read_text(encoding="utf-8").strip()
    headers = {"authorization": f"Bearer {token}"}
    async with (
        Meter(settings.edge_url, settings.shadow_url) as meter,
        httpx2.AsyncClient(
            base_url=settings.logs_url, headers=headers, trust_env=False, timeout=10
        ) as http,
    ):
        monitor = Monitor(settings, meter, http)

        async def metrics(_: Request) -> Response:
            return PlainTextResponse(monitor.metrics())

        app = Starlette(routes=[Route("/metrics", metrics)])
        config = uvicorn.Config(
            app, "127.0.0.1", settings.metrics_port, access_log=False, log_level="warning"
        )
        looking = asyncio.create_task(monitor.run())
        try:
            await uvicorn.Server(config).serve()
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


def main(argv: list[str] | None = None) -> None:
    """Monitor until the process is stopped."""
    parser = argparse.ArgumentParser(prog="monitor")
    parser.add_argument("settings", type=Path)
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    asyncio.run(watch(MonitorSettings.load(given.settings)))


if __name__ == "__main__":
    main()
