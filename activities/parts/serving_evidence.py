"""Sealing what a model service has: each part by itself, and every gap declared.

Law: rows are sealed as they came, a JSON document a line, in items of bounded size; they are from
strangers and are not looked into.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from activities.parts import serving_answers as said
from activities.parts import serving_client
from activities.parts.http import MEBIBYTE
from activities.parts.serving_client import ServingClient
from hemostat.vault import Vault
from schemas.errors import HemostatError, SystemUnreachable
from schemas.evidence import EvidenceItem, Gap, Sealed

_LIVE_SAMPLE: Final = 5000
_ITEM_BYTES: Final = 16 * MEBIBYTE


async def seal_service(service: ServingClient, vault: Vault, since: datetime) -> Sealed:
    """Seal models, label store, live sample, and the feedback since *since*.

    ``SystemUnreachable`` when nothing at all could be had.
    """
    sealing = _Sealing(service, vault)
    await sealing.states()
    await sealing.feedback(since)
    if not sealing.items:
        raise SystemUnreachable("nothing of it could be sealed", where="model service")
    return Sealed(items=tuple(sealing.items), gaps=tuple(sealing.gaps))


class _Sealing:
    def __init__(self, service: ServingClient, vault: Vault) -> None:
        self._service = service
        self._vault = vault
        self.items: list[EvidenceItem] = []
        self.gaps: list[Gap] = []

    async def states(self) -> None:
        service = self._service
        looks = {
            f"model of {http.where}": http.ask("GET", "/admin/model")
            for http in (*service.replicas.values(), service.shadow)
        } | {
            "label store": service.any("GET", "/admin/feedback/offset"),
            "retraining": service.any("GET", "/admin/retraining"),
            "live sample": service.inferences(_LIVE_SAMPLE),
        }
        outcomes = await asyncio.gather(*looks.values(), return_exceptions=True)
        for name, outcome in zip(looks, outcomes, strict=True):
            try:
                if isinstance(outcome, BaseException):
                    raise outcome
                await self._seal(name, [outcome.json()])
            except HemostatError as error:
                self.gaps.append(Gap(name=name, reason=error.what))

    async def feedback(self, since: datetime) -> None:
        total = 0
        try:
            async for rows in self._portions(since):
                total += len(rows)
                await self._seal(f"feedback to row {total}", rows)
            if total >= serving_client.MOST_ROWS:
                reason = f"only the oldest {total} rows were read"
                self.gaps.append(Gap(name="feedback", reason=reason))
        except HemostatError as error:
            self.gaps.append(Gap(name="feedback", reason=error.what))

    async def _portions(self, since: datetime) -> AsyncIterator[list[Any]]:
        """Yield pages together until they are large; what was read is kept when reading fails."""
        rows: list[Any] = []
        size = 0
        try:
            async for page in self._service.feedback(since):
                rows += page.parse(said.Rows).rows
                size += len(page.body)
                if size >= _ITEM_BYTES:
                    yield rows
                    rows, size = [], 0
        except HemostatError:
            if rows:
                yield rows
            raise
        if rows:
            yield rows

    async def _seal(self, name: str, rows: Sequence[Any]) -> None:
        lines = [json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows]
        item = await self._vault.put(
            "".join(lines).encode(),
            media_type="application/jsonl",
            name=name,
            source="model service",
            method="serving admin contract, a JSON document a line",
        )
        self.items.append(item)
