"""What a moderation service and its edge went through.

The gateway's changes are counted by a proxy on the way; what the service did to its own database
is told by triggers in it.
"""

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing

from hemostat.drill.range.evasion.range import ModerationRange
from tests.crash.outside import Asking, Effects, addressees, empty, gateway_changes, told

_TRIGGERS = """
CREATE TABLE IF NOT EXISTS happened (id INTEGER PRIMARY KEY, what TEXT, which TEXT);
CREATE TRIGGER IF NOT EXISTS a AFTER INSERT ON kept
    BEGIN INSERT INTO happened (what, which) VALUES (NEW.name, NEW.value); END;
CREATE TRIGGER IF NOT EXISTS b AFTER UPDATE OF rescanned ON items
    BEGIN INSERT INTO happened (what, which) VALUES ('rescanned', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS c AFTER UPDATE OF removed ON items WHEN OLD.removed IS NOT NEW.removed
    BEGIN INSERT INTO happened (what, which) VALUES ('removed', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS d AFTER UPDATE OF held ON items WHEN OLD.held IS NOT NEW.held
    BEGIN INSERT INTO happened (what, which) VALUES ('held', NEW.digest); END;
"""
_RESET = """
UPDATE items SET rescanned = 0, removed = 0, held = 0;
DELETE FROM kept WHERE name = 'newest' OR name LIKE 'retrain %';
DELETE FROM happened;
"""
_END = re.compile(r"< \d+")
"""When a block ends; another moment in each incident."""


class EvasionOutside(Asking[ModerationRange]):
    """A moderation service as a stranger would ask it."""

    async def remember(self) -> None:
        """Note how things are after the attack."""
        with closing(self._database()) as database:
            database.executescript(_TRIGGERS)
        self._open = await self._configuration()

    async def reset(self) -> None:
        """Attacked again: version 7 approves alone, nothing was swept, the gateway is open."""
        service = self._range.service_url
        await self._ask("POST", f"{service}/admin/promote", json={"version": "7"})
        alone = {"mode": "auto", "blocklist": []}
        await self._ask("PUT", f"{service}/admin/mode", json=alone)
        await self._open_again(self._open)
        with closing(self._database()) as database:
            database.executescript(_RESET)
        empty(self._range.state / "outbox")
        for proxy in self._proxies.values():
            proxy.exchanges.clear()

    async def effects(self, incident: str) -> Effects:
        """All that happened since ``reset``, in terms that are the same for every incident."""
        happened = self._happened()
        gateway = json.dumps(await self._configuration(), sort_keys=True)
        return {
            "modes set": [_mode(which) for what, which in happened if what == "mode"],
            "versions trained": sum(what.startswith("retrain ") for what, _ in happened),
            "items re-scanned": _times(happened, "rescanned"),
            "items taken down": _times(happened, "removed"),
            "items held": _times(happened, "held"),
            "gateway changes": gateway_changes(self._proxies["caddy"]),
            "gateway left": _END.sub("< END", gateway.replace(incident, "INCIDENT")),
            "mails": addressees(self._range.state / "outbox"),
            **await told(self._pagerduty, self._servicenow, incident),
        }

    async def do_again(self) -> None:
        """Do some of the effects a second time: what must never happen, to be seen by us."""
        service = self._range.service_url
        await self._ask("POST", f"{service}/admin/promote", json={"version": "8"})
        with closing(self._database()) as database:
            database.execute("UPDATE items SET rescanned = 1 WHERE rescanned = 1")
            database.execute("INSERT INTO kept VALUES ('retrain again', '\"9\"')")
            database.commit()
        caddy = self._proxies["caddy"]
        isolated, _ = (e for e in caddy.writes() if e.method == "PUT")  # accounts stay blocked
        await self._ask("PUT", caddy.url + isolated.path, json=isolated.sent)

    def _happened(self) -> list[tuple[str, str]]:
        with closing(self._database()) as database:
            rows = database.execute("SELECT what, which FROM happened ORDER BY id")
            return [(str(what), str(which)) for what, which in rows]

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(self._range.state / "moderation.db", timeout=10)


def _times(happened: list[tuple[str, str]], kind: str) -> dict[int, int]:
    """How many things it happened to, by how often."""
    return dict(Counter(Counter(which for what, which in happened if what == kind).values()))


def _mode(kept: str) -> str:
    mode = json.loads(kept)
    canary = f", {mode['canary_percent']} % of version {mode['canary_version']}"
    return f"{mode['mode']} by {mode['champion']}{canary if mode['canary_version'] else ''}"
