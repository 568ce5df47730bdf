"""Timestamps from outside (RFC 3161): so that not even whoever holds the key can backdate.

An authority signs the digest of a checkpoint with its own time. One that does not answer delays
nothing: the checkpoint stands without, and the next start of the sealer asks again. What is older
than ``IN_TIME`` by then stays without: the next checkpoint's timestamp covers it.
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
        if datetime.fromisoformat(held.body.at) < datetime.now(UTC) - IN_TIME:
            return False  # it would look dated back; a later checkpoint's covers this one too
        try:
            answer = await self.ask(held.content)
        except (SystemUnreachable, SystemRefused) as error:
            _log.warning("no timestamp for checkpoint %d: %s", seq, error)
            return False
        await asyncio.to_thread(store.put, name, answer)
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
