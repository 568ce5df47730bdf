"""The trainer: retrains on a schedule, registers, promotes and tells the replicas. By itself.

Law: no person looks at what it does; this is the loop that gets poisoned. Each effect (register,
promote) is done under the retraining lock and only if nobody has paused it, so a pause that was
answered is never overtaken.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2

from hemostat.drill.range.sentiment.registry import Registry, RegistryError
from hemostat.drill.range.sentiment.settings import SentimentSettings
from hemostat.drill.range.sentiment.store import Store, now, timestamp
from hemostat.drill.range.sentiment.training import assemble, fit, register

log = logging.getLogger("trainer")


class Paused(Exception):
    """Somebody has paused retraining."""


class Trainer:
    """The loop. ``run`` returns only by an exception or the end of its process."""

    def __init__(self, settings: SentimentSettings, store: Store, registry: Registry) -> None:
        self._settings = settings
        self._store = store
        self._registry = registry
        self._seen_rows = store.feedback_offset()["count"]

    def run(self) -> None:
        """Retrain every ``retrain_every`` seconds, for ever."""
        period = self._settings.retrain_every
        while True:
            following = timestamp(datetime.now(UTC) + timedelta(seconds=period))
            self._store.set_schedule(None, following)
            time.sleep(period)
            try:
                if self._due() and (version := self.retrain()):
                    log.info("promoted version %s", version)
            except Paused:
                log.info("paused")
            except RegistryError as error:  # the next turn tries again
                log.warning("%s", error)

    def retrain(self) -> str:
        """One turn; the promoted version. Raises :class:`Paused`, ``RegistryError``."""
        with self._allowed():
            dataset = assemble(self._settings, self._store, datetime.now(UTC))
            rows = self._store.feedback_offset()["count"]
        trained = fit(self._settings, dataset)
        with self._allowed():
            parent = self._registry.champion().version
            made = register(self._registry, trained, parent=parent)
        with self._allowed():
            self._registry.set_champion(made.version)
            self._reload_replicas()
            self._store.set_schedule(now(), now())
        self._seen_rows = rows
        return made.version

    def _due(self) -> bool:
        if self._store.retraining().paused:
            return False
        grown = self._store.feedback_offset()["count"] - self._seen_rows
        return bool(grown >= self._settings.min_new_rows)

    @contextmanager
    def _allowed(self) -> Iterator[None]:
        with self._store.retraining_lock():
            if self._store.retraining().paused:
                raise Paused
            yield

    def _reload_replicas(self) -> None:
        token = {"authorization": f"Bearer {self._settings.admin_token()}"}
        with httpx2.Client(headers=token, timeout=10, trust_env=False) as http:
            for name, url in self._settings.replicas.items():
                try:
                    http.post(f"{url}/admin/reload", json={}).raise_for_status()
                except httpx2.HTTPError as error:  # it loads the alias when it starts again
                    log.warning("%s did not reload: %s", name, error)


def _wait_for_champion(registry: Registry) -> None:
    while True:
        try:
            registry.champion()
        except RegistryError:
            time.sleep(0.1)
        else:
            return


def run_trainer(settings: SentimentSettings) -> None:
    """Train until the process ends."""
    registry = Registry(settings.registry_url, settings.model, settings.alias)
    with closing(Store(Path(settings.database))) as store, registry:
        _wait_for_champion(registry)
        Trainer(settings, store, registry).run()
