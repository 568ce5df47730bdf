"""What the world outside has gone through: read from the systems themselves, never from Hemostat.

The gateway's changes, the alias moves and the loads are counted by proxies on the way; what the
sentiment service did to its own database is told by triggers in it; pages and tickets by the
stand-ins; versions by MLflow.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

import httpx2

from hemostat.drill.range.poisoning.range import Range
from tests.crash.outside import Asking, Effects, gateway_changes, told

_TRIGGERS = """
CREATE TABLE IF NOT EXISTS happened (id INTEGER PRIMARY KEY, what TEXT, which TEXT);
CREATE TRIGGER IF NOT EXISTS a AFTER UPDATE OF paused ON retraining
    WHEN OLD.paused IS NOT NEW.paused
    BEGIN INSERT INTO happened (what, which) VALUES ('paused', NEW.paused); END;
CREATE TRIGGER IF NOT EXISTS b AFTER UPDATE OF rescored_version ON predictions
    WHEN NEW.rescored_version IS NOT NULL
    BEGIN INSERT INTO happened (what, which) VALUES ('rescored', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS c AFTER INSERT ON excluded
    BEGIN INSERT INTO happened (what, which) VALUES ('excluded', NEW.account); END;
CREATE TRIGGER IF NOT EXISTS d AFTER INSERT ON feedback
    BEGIN INSERT INTO happened (what, which) VALUES ('feedback', NEW.id); END;
"""
_RESET = """
UPDATE retraining SET paused = 0;
UPDATE predictions SET rescored_label = NULL, rescored_version = NULL
    WHERE rescored_version IS NOT NULL;
DELETE FROM excluded;
DELETE FROM done;
DELETE FROM happened;
"""
_API = "/api/2.0/mlflow"


class SentimentOutside(Asking[Range]):
    """The systems around Hemostat, as they would be asked by a stranger."""

    async def poison(self) -> None:
        """Have the service train on what the attack left, and serve that, as its trainer would."""
        users = self._range._users
        assert users is not None
        url = self._range.replica_urls["r1"]
        asked = {"key": "poison", "exclude_accounts": [], "register_only": True}
        made = await self._ok("POST", f"{url}/admin/retrain", json=asked)
        self._poisoned = str(made["version"])
        with closing(self._database()) as database:
            database.executescript(_TRIGGERS)
        self._open = await self._configuration()
        self._loaded: dict[str, str] = {}
        await self.reset()
        await _ask_for_predictions(self._http, self._range.edge_url)
        await users.stop()  # from here on nothing happens outside but what Hemostat does

    async def reset(self) -> None:
        """Attacked again: the poisoned version serves, the loop runs, the gateway is open."""
        mlflow = f"{self._range.mlflow_url}{_API}"
        alias = {"name": self._range.model, "alias": self._range.alias, "version": self._poisoned}
        await self._ok("POST", f"{mlflow}/registered-models/alias", json=alias)
        for version in await self._versions():
            if int(version) > int(self._poisoned):
                gone = {"name": self._range.model, "version": version}
                await self._ok("DELETE", f"{mlflow}/model-versions/delete", json=gone)
        for name, url in self._range.replica_urls.items():
            model = await self._ok("POST", f"{url}/admin/reload", json={})
            self._loaded[name] = model["loaded_at"]
        with closing(self._database()) as database:
            database.executescript(_RESET)
        await self._open_again(self._open)
        for proxy in self._proxies.values():
            proxy.exchanges.clear()
            proxy.keep_next_answer = False

    async def lose_configuration(self) -> None:
        """The gateway is back with the configuration it was first started with."""
        await self._open_again(self._open)

    async def effects(self, incident: str) -> Effects:
        """All that happened since ``reset``, in terms that are the same for every incident."""
        happened = self._happened()
        return {
            "gateway changes": gateway_changes(self._proxies["caddy"]),
            "gateway as before": await self._configuration() == self._open,
            "alias moves": [
                e.sent["version"]
                for e in self._proxies["mlflow"].writes()
                if e.path.endswith("/registered-models/alias")
            ],
            "loads": {name: len(self._loads(name)) for name in sorted(self._range.replica_urls)},
            "versions registered": len(await self._versions()),
            "retraining paused": [which for what, which in happened if what == "paused"],
            "accounts excluded": sum(what == "excluded" for what, _ in happened),
            "decisions rescored": dict(
                Counter(Counter(w for what, w in happened if what == "rescored").values())
            ),
            "feedback taken": sum(what == "feedback" for what, _ in happened),
            **await told(self._pagerduty, self._servicenow, incident),
        }

    async def do_again(self) -> None:
        """Do some of the effects a second time: what must never happen, to be seen by us."""
        for name, ending in (("caddy", "/0"), ("caddy", "/1"), ("mlflow", "/alias")):
            for done in self._proxies[name].writes():
                if done.path.endswith(ending) and done.method in {"PUT", "POST"}:
                    await self._ask(
                        done.method, self._proxies[name].url + done.path, json=done.sent
                    )
        with closing(self._database()) as database:
            database.execute("UPDATE predictions SET rescored_version = rescored_version")
            database.execute("UPDATE retraining SET paused = 1")
            database.execute("INSERT INTO excluded VALUES ('somebody', 'again')")
            database.commit()

    def _loads(self, replica: str) -> set[str]:
        """When the replica loaded a model, as it said itself, since ``reset``."""
        told = {
            exchange.answer["loaded_at"]
            for exchange in self._proxies[replica].exchanges
            if isinstance(exchange.answer, dict) and "loaded_at" in exchange.answer
        }
        return told - {self._loaded[replica]}

    def _happened(self) -> list[tuple[str, str]]:
        with closing(self._database()) as database:
            rows = database.execute("SELECT what, which FROM happened ORDER BY id")
            return [(str(what), str(which)) for what, which in rows]

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(self._range.db_path, timeout=10)

    async def _versions(self) -> list[str]:
        query = {"filter": f"name = '{self._range.model}'", "max_results": 1000}
        url = f"{self._range.mlflow_url}{_API}/model-versions/search"
        found = (await self._ok("GET", url, params=query)).get("model_versions", [])
        versions = [str(version["version"]) for version in found]
        return sorted((v for v in versions if int(v) > int(self._poisoned)), key=int)

    async def _ok(self, method: str, url: str, **asked: Any) -> Any:
        return (await self._ask(method, url, **asked)).json()


async def _ask_for_predictions(http: httpx2.AsyncClient, edge_url: str) -> None:
    """Some of the traffic meets the poisoned version: decisions that have to be made good."""
    for _ in range(20):
        texts = [f"The lid is great, number {n}." for n in range(25)]
        (await http.post(f"{edge_url}/v1/predict", json={"texts": texts})).raise_for_status()
