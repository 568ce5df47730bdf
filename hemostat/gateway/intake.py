"""Every delivery is answered only when Temporal has taken it; alerts that meet travel together.

While a request for one incident is under way, further alerts for it wait and go together in the
next: a storm of ten thousand becomes a few hundred signals in one history. A parcel is what one
delivery brings for one incident; it is sent whole, under its own key, and the same key again is a
duplicate. Failing is all or nothing for a batch, and the sender's retry is recognised.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from hemostat.gateway.incident_signal import Arrival, IncidentSignals, NotAccepted, Standing
from hemostat.gateway.routing import Destination
from schemas.alert import GAPS, Alert, AlertBatch, episode_mark
from schemas.base import Digest
from schemas.evidence import Gap

MAX_BATCH_ALERTS: Final = 250
MAX_BATCH_BYTES: Final = 480 * 1024
"""Below the 512 KiB at which Temporal begins to warn of a payload (2 MiB is its limit)."""

PATIENCE_SECONDS: Final = 1.9
"""How long a delivery may wait to be accepted; senders expect an answer within 3 s."""

_GATHER_SECONDS: Final = 0.02
"""How long further alerts of an incident gather after a request; the first one never waits."""

MAX_WAITING_ALERTS: Final = 20_000
_REMEMBERED_PARCELS: Final = 20_000
_LOOKS: Final = 3

_log = logging.getLogger(__name__)


class Status(StrEnum):
    """What became of a delivery's alerts for one incident, as best known to this process."""

    OPENED = "opened"
    JOINED = "joined"
    DUPLICATE = "duplicate"
    ALREADY_CLOSED = "already-closed"


@dataclass
class _Parcel:
    """Alerts of one delivery for one incident, bounded; ``key`` names it over all retries."""

    key: str
    destination: Destination
    alerts: tuple[Alert, ...]
    size: int
    unsealed: bool
    give_up_at: float
    accepted: asyncio.Future[Status] = field(default_factory=asyncio.Future)


class Intake:
    """Sends parcels to incidents, one request at a time for each incident."""

    def __init__(self, signals: IncidentSignals) -> None:
        self._signals = signals
        self._waiting: dict[str, deque[_Parcel]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._known: OrderedDict[tuple[str, str], asyncio.Future[Status]] = OrderedDict()
        self._believed_running: OrderedDict[str, None] = OrderedDict()
        self._waiting_alerts = 0

    async def accept(
        self,
        delivery_key: str,
        destination: Destination,
        alerts: Sequence[Alert],
        *,
        unsealed: bool = False,
    ) -> Status:
        """Return when the incident has *alerts*; raise ``NotAccepted`` if that cannot be had now.

        *unsealed*: the body could not be put into the vault; the batch says so.
        """
        parcels = list(_parcels(delivery_key, destination, alerts, unsealed=unsealed))
        statuses = await asyncio.gather(*(self._submit(parcel) for parcel in parcels))
        return min(statuses, key=list(Status).index)

    async def _submit(self, parcel: _Parcel) -> Status:
        incident = parcel.destination.incident
        known = self._known.get((incident, parcel.key))
        if known is not None:
            status = await _patiently(known)
            closed = status is Status.ALREADY_CLOSED
            return Status.ALREADY_CLOSED if closed else Status.DUPLICATE
        if self._waiting_alerts + len(parcel.alerts) > MAX_WAITING_ALERTS:
            raise NotAccepted("too many alerts are waiting", where="gateway", next_step=_AGAIN)
        self._remember(incident, parcel)
        self._waiting_alerts += len(parcel.alerts)
        self._waiting.setdefault(incident, deque()).append(parcel)
        if incident not in self._senders:
            self._senders[incident] = asyncio.create_task(self._send_all(incident))
        return await _patiently(parcel.accepted)

    def _remember(self, incident: str, parcel: _Parcel) -> None:
        key = (incident, parcel.key)
        self._known[key] = parcel.accepted
        while len(self._known) > _REMEMBERED_PARCELS:
            self._known.popitem(last=False)

    async def _send_all(self, incident: str) -> None:
        """Send what waits for *incident*, batch after batch, until nothing does."""
        try:
            while waiting := self._waiting.get(incident):
                batch = self._next_batch(waiting)
                try:
                    if batch:
                        await self._send(incident, batch)
                except NotAccepted as error:
                    self._fail(incident, batch, error)
                except Exception:  # noqa: BLE001 - logged, and told to every sender that waits
                    _log.exception("alerts could not be sent to incident %s", incident)
                    self._fail(incident, batch, NotAccepted("the gateway failed", next_step=_AGAIN))
                await asyncio.sleep(_GATHER_SECONDS)
        finally:
            self._waiting.pop(incident, None)
            del self._senders[incident]

    def _next_batch(self, waiting: deque[_Parcel]) -> list[_Parcel]:
        """Take what goes together; what waited longer than its sender does is sent back."""
        batch: list[_Parcel] = []
        now = asyncio.get_running_loop().time()
        count = size = 0
        while waiting:
            parcel = waiting[0]
            count, size = count + len(parcel.alerts), size + parcel.size
            if batch and (count > MAX_BATCH_ALERTS or size > MAX_BATCH_BYTES):
                break
            waiting.popleft()
            self._waiting_alerts -= len(parcel.alerts)
            if parcel.give_up_at >= now:
                batch.append(parcel)
            else:
                slow = NotAccepted("Temporal is too slow", where="gateway", next_step=_AGAIN)
                self._fail(parcel.destination.incident, [parcel], slow)
        return batch

    def _fail(self, incident: str, parcels: Sequence[_Parcel], error: NotAccepted) -> None:
        for parcel in parcels:
            self._known.pop((incident, parcel.key), None)
            parcel.accepted.set_exception(error)
            parcel.accepted.exception()  # its caller may be gone, which is no news to report

    async def _send(self, incident: str, parcels: Sequence[_Parcel]) -> None:
        """Get one batch accepted, whether the incident runs, has closed or is new."""
        if incident in self._believed_running:
            if await self._join(incident, parcels):
                return
        elif await self._open(incident, parcels, again=False):
            return
        for _ in range(_LOOKS):
            standing, closed = await self._signals.standing(incident)
            if standing is not Standing.RUNNING:
                await self._open(incident, parcels, closed, again=True)
                return
            if await self._join(incident, parcels):
                return
        raise NotAccepted("the incident is closing just now", where=incident, next_step=_AGAIN)

    async def _join(self, incident: str, parcels: Sequence[_Parcel]) -> bool:
        batch, request_id = _batch(parcels), _request_id(parcels)
        if not await self._signals.signal_running(incident, batch, request_id):
            self._believed_running.pop(incident, None)
            return False
        self._believe_running(incident)
        for parcel in parcels:
            parcel.accepted.set_result(Status.JOINED)
        return True

    async def _open(
        self,
        incident: str,
        parcels: Sequence[_Parcel],
        closed: frozenset[str] = frozenset(),
        *,
        again: bool,
    ) -> bool:
        """Start it for what is not of *closed* episodes; return False if it was refused."""
        fresh = [parcel for parcel in parcels if not _all_closed(parcel, closed)]
        arrival = Arrival.JOINED
        if fresh:
            arrival = await self._signals.signal_with_start(
                fresh[0].destination, _batch(fresh, closed), _request_id(fresh), again=again
            )
            if arrival is Arrival.REFUSED:
                return False
            self._believe_running(incident)
        started = arrival is Arrival.STARTED
        for parcel in parcels:
            if parcel not in fresh:
                parcel.accepted.set_result(Status.ALREADY_CLOSED)
            else:
                parcel.accepted.set_result(Status.OPENED if started else Status.JOINED)
                started = False  # one delivery opened it, the others joined
        return True

    def _believe_running(self, incident: str) -> None:
        self._believed_running[incident] = None
        while len(self._believed_running) > _REMEMBERED_PARCELS:
            self._believed_running.popitem(last=False)


_AGAIN: Final = "send the alert again; nothing is lost."


async def _patiently(accepted: asyncio.Future[Status]) -> Status:
    """Wait for *accepted*, which others may wait for as well, as long as a sender does."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asyncio.shield(accepted)
    except TimeoutError as error:
        what = "Temporal did not accept the alert in time"
        raise NotAccepted(what, where="Temporal", next_step=_AGAIN) from error


def _parcels(
    delivery_key: str, destination: Destination, alerts: Sequence[Alert], *, unsealed: bool
) -> Iterator[_Parcel]:
    """Pack *alerts* so that each parcel fits into a batch; the first bears the delivery's key."""
    give_up_at = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    taken: list[Alert] = []
    size = number = 0
    for alert in (*alerts, None):
        length = len(alert.model_dump_json()) if alert else 0
        full = len(taken) == MAX_BATCH_ALERTS or size + length > MAX_BATCH_BYTES
        if taken and (alert is None or full):
            key = f"{delivery_key}/{number}" if number else delivery_key
            yield _Parcel(key, destination, tuple(taken), size, unsealed, give_up_at)
            taken, size, number = [], 0, number + 1
        if alert is not None:
            taken.append(alert)
            size += length


def _batch(parcels: Sequence[_Parcel], closed: frozenset[str] = frozenset()) -> AlertBatch:
    """What one signal carries: the alerts whose episodes are not *closed*, and declared gaps."""
    alerts = (alert for parcel in parcels for alert in parcel.alerts)
    gaps = dict.fromkeys(_gap(p.alerts[0].raw.digest) for p in parcels if p.unsealed)
    told: list[JsonValue] = [gap.model_dump(mode="json") for gap in gaps]
    return AlertBatch(
        alerts=tuple(alert for alert in alerts if episode_mark(alert.episode_key) not in closed),
        extra={GAPS: told} if told else {},
    )


def _gap(body: Digest) -> Gap:
    """What is declared of a body that is not in the vault."""
    reason = f"the vault did not take it in time; it had the digest {body}"
    return Gap(name=f"alert body {body.removeprefix('sha256:')[:16]}", reason=reason)


def _all_closed(parcel: _Parcel, closed: frozenset[str]) -> bool:
    return all(episode_mark(alert.episode_key) in closed for alert in parcel.alerts)


def _request_id(parcels: Sequence[_Parcel]) -> str:
    """One parcel goes under its own key, so that the server knows it again; more under a digest."""
    if len(parcels) == 1:
        return parcels[0].key
    return hashlib.sha256("\n".join(parcel.key for parcel in parcels).encode()).hexdigest()
