"""Timestamps from outside (RFC 3161): so that not even whoever holds the key can backdate.

An authority signs the digest of a checkpoint with its own time. One that does not answer delays
nothing that is open: the checkpoint stands without, and is asked for again while it is younger than
``IN_TIME``. What is older stays without: the next checkpoint's timestamp covers it. Behind the last
one there is none, so the close is registered once it has its timestamp, or is too old for one.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx2
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response
from rfc3161_client.tsp import PKIStatus

from hemostat.audit.store import Store, checkpoint_name, timestamp_name
from schemas.audit.checkpoint import KIND, Checkpoint
from schemas.audit.signing import open_envelope
from schemas.errors import SystemRefused, SystemUnreachable

_WITHIN: Final = 10.0
_AGAIN, _AGAIN_AT_MOST = 1.0, 30.0
IN_TIME: Final = timedelta(minutes=10)
"""How old a checkpoint may be when it is timestamped."""

_QUERY: Final = {"Content-Type": "application/timestamp-query"}

_log = logging.getLogger(__name__)


class Timestamps:
    """One timestamp authority, by its address."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def stamp(self, store: Store, place: str, seq: int) -> bool:
        """Have a checkpoint timestamped if it is not; whether it is then. Never raises."""
        name = timestamp_name(place, seq)
        if await asyncio.to_thread(store.get, name) is not None:
            return True
        stored = await asyncio.to_thread(store.get, checkpoint_name(place, seq))
        if stored is None:
            return False
        held = open_envelope(KIND, stored, Checkpoint)
        if _is_old(held.body):
            return False  # it would look dated back; a later checkpoint's covers this one too
        try:
            answer = await self.ask(held.content)
        except (SystemUnreachable, SystemRefused) as error:
            _log.warning("no timestamp for checkpoint %d: %s", seq, error)
            return False
        await asyncio.to_thread(store.put, name, answer)
        return True

    async def stamp_last(self, store: Store, place: str, seq: int) -> bool:
        """``stamp`` for what no later one covers: ask again while a timestamp still counts."""
        pause = _AGAIN
        while not await self.stamp(store, place, seq):
            if not await asyncio.to_thread(_is_in_time, store, place, seq):
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _AGAIN_AT_MOST)
        return True

    async def ask(self, said: bytes) -> bytes:
        """Return the authority's response over *said*, as it came (DER)."""
        digest = HashAlgorithm.SHA256
        request = (
            TimestampRequestBuilder(hash_algorithm=digest).data(said).nonce(nonce=True).build()
        )
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=_WITHIN) as http:
                answer = await http.post(self._url, content=request.as_bytes(), headers=_QUERY)
        except httpx2.HTTPError as error:
            raise SystemUnreachable(
                f"the timestamp authority does not answer ({type(error).__name__})",
                where="[audit] timestamps",
            ) from error
        try:
            response = decode_timestamp_response(answer.content)
            granted = PKIStatus(response.status) is PKIStatus.GRANTED
            same = response.tst_info.nonce == request.nonce if granted else False
        except ValueError:
            granted = same = False
        if not (answer.is_success and granted and same):
            raise SystemRefused(
                "the timestamp authority did not grant one",
                where="[audit] timestamps",
                next_step="see the authority's log.",
            )
        return answer.content


def _is_old(checkpoint: Checkpoint) -> bool:
    return datetime.fromisoformat(checkpoint.at) < datetime.now(UTC) - IN_TIME


def _is_in_time(store: Store, place: str, seq: int) -> bool:
    stored = store.get(checkpoint_name(place, seq))
    return stored is not None and not _is_old(open_envelope(KIND, stored, Checkpoint).body)
