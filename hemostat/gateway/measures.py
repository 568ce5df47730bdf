"""``GET /metrics``: counts and durations for Prometheus, to whoever asks from this machine.

Law: no text of an alert, no incident's name, and nothing of what is restricted: a metric is seen by
more people than an incident. Labels are names out of hemostat.toml and our own words. A scrape
waits for nothing: what takes longer to read is in the next one.
"""

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from temporalio.client import Client

from hemostat.audit.behind import Behind, look_behind
from hemostat.audit.report.metrics import prometheus
from hemostat.audit.report.sealed import SealedMetrics
from hemostat.audit.setup import store_of
from hemostat.settings import Settings
from schemas.errors import BadInput, HemostatError

_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
_LOOK_EVERY: Final = 15.0
_PATIENCE: Final = 1.0

_log = logging.getLogger(__name__)


class NotFromHere(BadInput):
    """Whoever asks is not on this machine, or speaks for somebody who may not be."""


class Measures:
    """What this gateway has counted, and what it last saw of the record."""

    def __init__(self, settings: Settings, connected: Callable[[], Awaitable[Client]]) -> None:
        self._settings, self._connected = settings, connected
        self._restricted = {n for n, table in settings.services.items() if table.restricted}
        self._alerts: Counter[tuple[str, str]] = Counter()
        self._deliveries: Counter[str] = Counter()
        self._seconds = 0.0
        self._sealed: SealedMetrics | None = None
        self._behind: Behind | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = -_LOOK_EVERY

    def took(self, source: str, accepted: list[dict[str, str | int]], seconds: float) -> None:
        """Count a delivery that was taken, and what became of its alerts."""
        self._deliveries["taken"] += 1
        self._seconds += seconds
        for one in accepted:
            if one["service"] not in self._restricted:
                self._alerts[source, str(one["status"])] += int(one["alerts"])

    def refused(self) -> None:
        """Count a delivery that was refused or could not be taken."""
        self._deliveries["refused"] += 1

    def sealing(self) -> str:
        """Whether the record is sealed up to now, as last seen; looks again for the next time."""
        self._look()
        if self._behind is None:
            return "unknown"
        return "behind" if self._behind.late else "up to date"

    async def show(self, request: Request) -> Response:
        """Answer a scrape; raise ``NotFromHere`` for whoever is not on this machine."""
        _refuse_strangers(request)
        looking = self._look()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(looking), _PATIENCE)
        return PlainTextResponse(self._text(), media_type=_FORMAT)

    def _look(self) -> asyncio.Task[None]:
        now = asyncio.get_running_loop().time()
        over = self._looking is None or self._looking.done()
        if self._looking is None or (over and now - self._looked_at >= _LOOK_EVERY):
            self._looked_at = now
            self._looking = asyncio.create_task(self._look_now())
        return self._looking

    async def _look_now(self) -> None:
        try:
            store = store_of(self._settings)
            if self._sealed is None:
                self._sealed = SealedMetrics(store, self._restricted)
            await asyncio.to_thread(self._sealed.catch_up)
            every = self._settings.audit.every
            seen = await look_behind(await self._connected(), store, every)
        except (HemostatError, ValueError) as error:
            self._behind = None
            _log.warning("the sealed record cannot be looked at: %s", error)
            return
        if seen.problem and not (self._behind and self._behind.late):
            _log.error("%s", seen.problem)
        self._behind = seen

    def _text(self) -> str:
        lines = _family("hemostat_alerts", "counter", "alerts taken, by source and what became")
        for (source, status), count in sorted(self._alerts.items()):
            lines.append(f'hemostat_alerts_total{{source="{source}",status="{status}"}} {count}')
        lines += _family("hemostat_deliveries", "counter", "deliveries of alerts, by their answer")
        for answer in ("taken", "refused"):
            count = self._deliveries[answer]
            lines.append(f'hemostat_deliveries_total{{answer="{answer}"}} {count}')
        lines += _family("hemostat_delivery_seconds", "summary", "time to take a delivery")
        lines.append(f"hemostat_delivery_seconds_sum {self._seconds:.6g}")
        lines.append(f"hemostat_delivery_seconds_count {self._deliveries['taken']}")
        if seen := self._behind:
            for name, value, told in (
                ("sealing_behind", int(seen.late), "1: events wait too long for a checkpoint"),
                ("sealing_lag_seconds", f"{seen.seconds:.6g}", "age of the oldest unsealed event"),
                ("incidents_open", seen.open, "incidents that are open"),
            ):
                lines += [*_family(f"hemostat_{name}", "gauge", told), f"hemostat_{name} {value}"]
        lines += _family("hemostat_sealing_seen", "gauge", "1: the record could be looked at")
        lines.append(f"hemostat_sealing_seen {int(self._behind is not None)}")
        return "\n".join(lines) + "\n" + self._of_the_record()

    def _of_the_record(self) -> str:
        if self._sealed is None:
            return ""
        told = _family("hemostat_incidents_unread", "gauge", "sealed incidents without a journal")
        told.append(f"hemostat_incidents_unread {self._sealed.unread}")
        return prometheus(self._sealed.known) + "\n".join(told) + "\n"


def _family(name: str, kind: str, told: str) -> list[str]:
    full = f"{name}_total" if kind == "counter" else name
    return [f"# HELP {full} {told}", f"# TYPE {full} {kind}"]


def _refuse_strangers(request: Request) -> None:
    host = request.client.host if request.client else ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip", "via"} & set(request.headers.keys())
    if not here or forwarded:
        raise NotFromHere(
            "metrics are told on this machine alone",
            where="path",
            next_step="scrape it on the gateway's own host, at its loopback address.",
        )
