"""What a drill of assistant exfiltration found: looks from outside, and what the insider took."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from botocore.exceptions import BotoCoreError, ClientError

from hemostat.drill.range.exfiltration.confidential import Document, left_in
from hemostat.drill.range.exfiltration.insider import Loot
from hemostat.drill.range.exfiltration.range import (
    BUCKET,
    COLLEAGUES,
    SUSPECT,
    ExfiltrationRange,
)
from hemostat.drill.report import Report
from schemas.base import iso


@dataclass(frozen=True)
class Look:
    """One look from outside: what each key is answered, and how much has left by then."""

    at: datetime
    callers: dict[str, int]
    """HTTP status by caller at the public edge, 0 if nothing answered."""
    insider_key: bool
    """Whether the cloud accepts the insider's key for the documents."""
    old_session: bool
    service_key: bool
    """Whether the cloud accepts the assistant's first key."""
    connector: bool
    """Whether the wiki opens to the token of the assistant's connector."""
    documents: int
    """Distinct confidential documents that the insider holds."""


class Outside:
    """Looks as those outside see it, with their own credentials; asks nothing of Hemostat."""

    def __init__(self, here: ExfiltrationRange) -> None:
        self._here = here

    async def look(self) -> Look:
        """Try every key once, now."""
        here, insider, service = self._here, self._here.suspect_key, self._here.service_key
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            statuses = [await self._ask(http, caller) for caller in (SUSPECT, *COLLEAGUES)]
            connector = await self._opens_wiki(http)
        session = here.session
        accepted = await asyncio.gather(
            asyncio.to_thread(self._lists, insider),
            asyncio.to_thread(self._lists, session),
            asyncio.to_thread(self._lists, service),
        )
        return Look(
            at=datetime.now(UTC),
            callers=dict(zip((SUSPECT, *COLLEAGUES), statuses, strict=True)),
            insider_key=accepted[0],
            old_session=accepted[1],
            service_key=accepted[2],
            connector=connector,
            documents=len(taken(self._loot(), here.documents)),
        )

    async def answer_to(self, caller: str, question: str) -> str:
        """What a caller is told, or nothing."""
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await self._post(http, caller, question)
        return str(answer.json()["answer"]) if answer is not None and answer.is_success else ""

    async def _ask(self, http: httpx2.AsyncClient, caller: str) -> int:
        answer = await self._post(http, caller, "When are the office hours?")
        return 0 if answer is None else answer.status_code

    async def _opens_wiki(self, http: httpx2.AsyncClient) -> bool:
        headers = {"Authorization": f"Bearer {self._here.wiki_token}"}
        try:
            return (await http.get(f"{self._here.wiki_url}/pages/home", headers=headers)).is_success
        except httpx2.HTTPError:
            return False

    async def _post(
        self, http: httpx2.AsyncClient, caller: str, question: str
    ) -> httpx2.Response | None:
        headers = {
            "X-Key-Id": caller,
            "X-Api-Key": self._here.keys[caller],
            "X-Traffic": "probe",
        }
        try:
            return await http.post(
                f"{self._here.edge_url}/v1/ask", json={"question": question}, headers=headers
            )
        except httpx2.HTTPError:
            return None

    def _lists(self, key: dict[str, str]) -> bool:
        client = self._here.cloud.client(
            "s3", key["access_key_id"], key["secret_access_key"], key.get("session_token")
        )
        try:
            client.list_objects_v2(Bucket=BUCKET, MaxKeys=1)
        except (ClientError, BotoCoreError):
            return False
        return True

    def _loot(self) -> Loot:
        try:
            return self._here.loot()
        except OSError:
            return Loot()


def taken(loot: Loot, documents: Sequence[Document], ways: Sequence[str] = ()) -> set[str]:
    """Ids of the confidential documents that the insider holds, by all ways or by some."""
    texts = [take.text for take in loot.takes if not ways or take.way in ways]
    return left_in(texts, documents)[0]


@dataclass
class ExfiltrationDrill(Report):
    """All of one drill of assistant exfiltration."""

    looks: list[Look] = field(default_factory=list)
    measured: dict[str, dict[str, int]] = field(default_factory=dict)
    """Counts by moment: before, during, after."""

    def document(self) -> dict[str, Any]:
        """The report as JSON, with every look."""
        return {
            **super().document(),
            "numbers": self.measured,
            "samples": [{**asdict(look), "at": iso(look.at)} for look in self.looks],
        }
