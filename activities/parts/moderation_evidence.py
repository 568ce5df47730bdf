"""Evidence of a moderation service: what is known in clear, originals locked, flagged ones untouched.

Law: an original is fetched one by one, only to be locked into the restricted area of the vault, and
only if it is what its hash says; flagged ones are not fetched at all. Each gap is declared.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import quote

from activities.parts.http import Http
from activities.parts.sealed_originals import Restricted
from hemostat.vault import Vault
from schemas.canonical import digest_bytes
from schemas.errors import EvidenceCorrupt, HemostatError
from schemas.evidence import EvidenceItem, Gap, Sealed


class Evidence:
    """Puts into one vault what one service has."""

    def __init__(self, vault: Vault, service: Http, restricted: Restricted) -> None:
        self._vault = vault
        self._service = service
        self._restricted = restricted

    async def seal(
        self,
        state: dict[str, Any],
        digests: Sequence[str],
        flagged: Collection[str],
        *,
        most: int,
    ) -> Sealed:
        """Seal the state, and lock *most* of the originals at most."""
        items = [await self._state(state)]
        gaps: list[Gap] = []
        wanted = [digest for digest in digests if digest not in set(flagged)]
        for digest in wanted[:most]:
            try:
                items.append(await self._lock(digest))
            except HemostatError as error:
                gaps.append(Gap(name=f"original {digest[7:23]}", reason=error.what))
        if len(wanted) > most:
            reason = f"{len(wanted) - most} of {len(wanted)} are kept by hash only"
            gaps.append(Gap(name="originals", reason=reason))
        if flagged:
            reason = (
                f"{len(set(flagged))} flagged are preserved at the service and opened by nobody"
            )
            gaps.append(Gap(name="flagged originals", reason=reason))
        return Sealed(items=tuple(items), gaps=tuple(gaps))

    async def _lock(self, digest: str) -> EvidenceItem:
        answer = await self._service.ask("GET", f"/admin/originals/{quote(digest, safe='')}")
        if digest_bytes(answer.body) != digest:
            raise EvidenceCorrupt("it is not what its hash says", where="moderation service")
        return await self._restricted.seal(self._vault, answer.body)

    async def _state(self, state: dict[str, Any]) -> EvidenceItem:
        return await self._vault.put(
            json.dumps(state, sort_keys=True).encode(),
            media_type="application/json",
            name="moderation state and hash list",
            source="moderation service",
            method="moderation admin contract",
        )
