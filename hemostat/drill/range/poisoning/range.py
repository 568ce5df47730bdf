"""The range: MLflow, the sentiment service, the edge and its users, started and gone together.

Law: everything listens on loopback at free ports and lives in one temporary folder. Leaving the
``async with`` ends every process and removes every file; so does the janitor when this process is
killed. Whatever else a drill starts beside it may live in ``state`` with ``env``, and is cleaned
up too.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx2

from hemostat.drill.range.edge import caddy_config, start_caddy, wait_caddy
from hemostat.drill.range.poisoning import corpus
from hemostat.drill.range.poisoning.attacker import AttackReport, Plan
from hemostat.drill.range.poisoning.measure import Measurement, Meter
from hemostat.drill.range.poisoning.mlflow_server import start_mlflow, wait_mlflow
from hemostat.drill.range.poisoning.monitor import LIVE_TEXTS, MonitorSettings, live_texts
from hemostat.drill.range.population import ALIAS, KNOWN_GOOD, MODEL
from hemostat.drill.range.premises import OnPremises
from hemostat.drill.range.sentiment.settings import SentimentSettings
from hemostat.drill.range.sentiment.store import Store
from hemostat.processes import LOOPBACK, ChildProcess, free_ports

_REPLICAS: Final = ("r1", "r2")
_BASE_ROWS: Final = 1000
_READY_WITHIN: Final = timedelta(seconds=90)
_FIRST_REPORT_WITHIN: Final = timedelta(seconds=15)


class Range(OnPremises):
    """Real services under a real attack. Use as an async context manager.

    ``retrain_every`` is in seconds. Entering raises ``ChildFailed`` when something does not
    start; what had started is gone by then.
    """

    model: Final = MODEL
    alias: Final = ALIAS
    known_good: Final = KNOWN_GOOD

    def __init__(self, *, retrain_every: float = 5.0) -> None:
        self._retrain_every = retrain_every
        super().__init__()
        self._services: dict[str, ChildProcess] = {}
        self._attacker: ChildProcess | None = None
        self._users: ChildProcess | None = None
        self._monitor: ChildProcess | None = None

    async def start_users(self, *, negative_share: float = corpus.NEGATIVE_SHARE) -> None:
        """Genuine traffic, instead of what there was; another share means the world changed."""
        await _stop(self._users)
        share = str(negative_share)
        self._users = await self._premises.start(
            "users", "poisoning.users", self.edge_url, "--negative-share", share
        )

    async def start_attack(self, plan: Plan | None = None) -> None:
        """Begin to poison the feedback; returns when the attacker runs."""
        await _stop(self._attacker)
        options = [
            f"--{name.replace('_', '-')}={value}" for name, value in asdict(plan or Plan()).items()
        ]
        self._attacker = await self._premises.start(
            "attacker", "poisoning.attacker", self.edge_url, self.attack_report_path, *options
        )
        await self._attacker.wait_ready(self._attack_is_reported, _FIRST_REPORT_WITHIN)

    async def stop_attack(self) -> None:
        """End the attack; the report stays."""
        await _stop(self._attacker)

    def attack_report(self) -> AttackReport:
        """What the attacker was answered so far. Raises ``OSError`` before the first attack."""
        return AttackReport.read(self.attack_report_path)

    async def start_monitor(
        self, webhook_url: str | None, webhook_token_file: Path | None = None, *, repeat: float = 15
    ) -> None:
        """Start the monitor; ready once it serves numbers, i.e. knows its base.

        ``repeat`` is in seconds. Without ``webhook_url`` it alerts nobody and serves numbers only.
        """
        await _stop(self._monitor)
        settings = MonitorSettings(
            edge_url=self.edge_url,
            shadow_url=self.shadow_url,
            logs_url=self.replica_urls["r1"],
            admin_token_file=str(self.admin_token_file),
            probe_file=str(self.probe_path),
            metrics_port=self._ports["metrics"],
            webhook_url=webhook_url,
            webhook_token_file=None if webhook_token_file is None else str(webhook_token_file),
            repeat_seconds=repeat,
            model=MODEL,
        )
        settings.save(self.state / "monitor.json")
        self._monitor = await self._premises.start(
            "monitor", "poisoning.monitor", self.state / "monitor.json"
        )
        await self._monitor.wait_ready(_has_text(self.metrics_url), _READY_WITHIN)

    async def kill(self, name: str) -> None:
        """SIGKILL one of ``mlflow``, ``caddy``, ``r1``, ``r2``, ``shadow``, ``trainer``."""
        child = self._services.pop(name)
        await child.kill()
        self._premises.disown(child)

    async def revive(self, name: str) -> None:
        """Start again what ``kill`` ended, on the same port and files; returns when it answers."""
        await self._spawn(name)
        await self._ready(name)

    async def live_texts(self, count: int = LIVE_TEXTS) -> list[str]:
        """The newest texts that users sent."""
        return await live_texts(self._logs, count)

    async def measure(self, texts: Sequence[str] = ()) -> Measurement:
        """One look from outside: these texts (the newest without any), the probe set, both routes."""
        return await self.meter.measure(texts or await self.live_texts(), self.probe)

    def _choose_addresses(self) -> None:
        names = ("edge", "caddy", "mlflow", "shadow", "metrics", *_REPLICAS)
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.edge_url = self._url("edge")
        self.caddy_admin_url = self._url("caddy")
        self.mlflow_url = self._url("mlflow")
        self.shadow_url = self._url("shadow")
        self.metrics_url = f"{self._url('metrics')}/metrics"
        self.replica_urls = {name: self._url(name) for name in _REPLICAS}

    def _write_files(self) -> None:
        self.db_path = self.state / "sentiment.db"
        self.probe_path = self.state / "probe.jsonl"
        self.holdout_path = self.state / "holdout.jsonl"
        self.attack_report_path = self.state / "attack.json"
        self.admin_token_file = self.state / "admin-token"
        self.admin_token_file.touch(mode=0o600)
        self._admin_token = secrets.token_urlsafe(24)
        self.admin_token_file.write_text(self._admin_token, encoding="utf-8")
        self.probe = corpus.probe_set()
        self.probe_digest = corpus.digest(self.probe)
        corpus.write(self.probe, self.probe_path)
        corpus.write(corpus.holdout(), self.holdout_path)
        base_rows = self.state / "base.jsonl"
        corpus.write(corpus.training_reviews(_BASE_ROWS, 1), base_rows)
        Store(self.db_path).close()  # its processes must not race to create it
        self._settings_path = self.state / "sentiment.json"
        SentimentSettings(
            registry_url=self.mlflow_url,
            model=MODEL,
            alias=ALIAS,
            database=str(self.db_path),
            base_rows=str(base_rows),
            holdout=str(self.holdout_path),
            admin_token_file=str(self.admin_token_file),
            replicas=self.replica_urls,
            retrain_every=self._retrain_every,
        ).save(self._settings_path)

    async def _start(self) -> None:
        self._choose_addresses()
        self._write_files()
        """Start all at once: what needs another waits for it by itself."""
        await self._spawn("mlflow")
        seed = await self._premises.start("seed", "poisoning.seed", self._settings_path)
        for name in (*_REPLICAS, "shadow", "trainer", "caddy"):
            await self._spawn(name)
        headers = {"authorization": f"Bearer {self._admin_token}"}
        self._logs = await self._stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=self.replica_urls["r1"], headers=headers, trust_env=False, timeout=10
            )
        )
        self.meter = await self._stack.enter_async_context(Meter(self.edge_url, self.shadow_url))
        await self._ready("mlflow")
        await self._premises.succeeded(seed, _READY_WITHIN)
        for name in (*_REPLICAS, "shadow", "trainer", "caddy"):
            await self._ready(name)
        await self.start_users()

    async def _spawn(self, name: str) -> None:
        settings, start = self._settings_path, self._premises.start
        if name == "mlflow":
            child = await start_mlflow(self.state, self._ports[name], self.env)
            self._premises.own(child)
        elif name == "caddy":
            upstreams = [f"{LOOPBACK}:{self._ports[replica]}" for replica in _REPLICAS]
            config = caddy_config(self._ports["edge"], self._ports["caddy"], upstreams)
            child = self._premises.own(await start_caddy(self.state, config, self.env))
        elif name == "trainer":
            child = await start(name, "sentiment.api", "trainer", settings)
        else:
            role = ("shadow", "--version", KNOWN_GOOD) if name == "shadow" else ("replica",)
            port = str(self._ports[name])
            options = (*role[1:], "--name", name, "--port", port)
            child = await start(name, "sentiment.api", role[0], settings, *options)
        self._services[name] = child

    async def _ready(self, name: str) -> None:
        child = self._services[name]
        if name == "mlflow":
            await wait_mlflow(child, self.mlflow_url)
        elif name == "caddy":
            await wait_caddy(child, self.caddy_admin_url)
            await child.wait_ready(_has_text(f"{self.edge_url}/healthz"), _READY_WITHIN)
        elif name == "trainer":
            await child.wait_ready(self._retraining_is_scheduled, _READY_WITHIN)
        else:
            await child.wait_ready(_has_text(f"{self._url(name)}/healthz"), _READY_WITHIN)

    def _url(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self._ports[name]}"

    async def _retraining_is_scheduled(self) -> bool:
        answer = await self._logs.get("/admin/retraining")
        return answer.json()["next_run_at"] is not None

    async def _attack_is_reported(self) -> bool:
        return self.attack_report_path.exists()


async def _stop(child: ChildProcess | None) -> None:
    if child is not None:
        await child.stop()


def _has_text(url: str) -> Callable[[], Awaitable[bool]]:
    """A check that ``url`` answers 2xx with a body."""

    async def check() -> bool:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await http.get(url)
        return answer.is_success and bool(answer.text)

    return check
