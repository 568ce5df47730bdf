"""The moderation range: service, edge, members, auditors and red team, up and gone together.

Law: everything listens on loopback at free ports and lives in one temporary folder; leaving the
``async with`` ends every process and removes every file (see ``premises``).
"""

import asyncio
import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from hemostat.drill.range.edge import caddy_config, start_caddy, wait_caddy
from hemostat.drill.range.evasion.attacker import EvasionReport
from hemostat.drill.range.evasion.redteam import BENIGN, SEALED, TRAINING
from hemostat.drill.range.premises import OnPremises
from hemostat.processes import LOOPBACK, ChildProcess, free_ports

PATHS: Final = {"moderate": "/v1/moderate", "health": "/healthz"}
_READY_WITHIN: Final = timedelta(seconds=120)
_SHARE_OF_A_LOOK: Final = 20
_AT_ONCE: Final = 8


@dataclass(frozen=True)
class EvasionLook:
    """One look from outside through the public edge: what the two sets are answered now."""

    at: datetime
    adversarial: dict[str, int]
    benign: dict[str, int]
    by: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def evaded(self) -> float:
        """Share of sealed explicit pictures that pass as safe."""
        return self.adversarial.get("safe", 0) / max(sum(self.adversarial.values()), 1)

    @property
    def served(self) -> float:
        """Share of benign pictures that are approved at once."""
        return self.benign.get("safe", 0) / max(sum(self.benign.values()), 1)


class ModerationRange(OnPremises):
    """Use as an async context manager. Entering raises ``ChildFailed`` if a part does not start."""

    def __init__(self) -> None:
        super().__init__()
        self._attacker: ChildProcess | None = None

    async def start_attack(self, *, seed: int = 11) -> None:
        """Begin to evade; returns when the attacker has its sticker and uploads."""
        model = self.state / "models" / "7.npz"
        seeded = ("--seed", str(seed))
        self._attacker = await self._premises.start(
            "attacker",
            "evasion.attacker",
            self.edge_url,
            model,
            self.state / "attack.json",
            *seeded,
        )
        await self._attacker.wait_ready(self._attack_is_reported, _READY_WITHIN)

    async def stop_attack(self) -> None:
        """End the attack; the report stays."""
        if self._attacker is not None:
            await self._attacker.stop()

    def attack_report(self) -> EvasionReport:
        """What the attacker was answered so far."""
        return EvasionReport.read(self.state / "attack.json")

    async def start_monitor(self, webhook_url: str, token_file: Path) -> None:
        """Watch the service, and send alerts to *webhook_url*."""
        settings = {
            "service_url": self.service_url,
            "admin_token_file": str(self.admin_token_file),
            "webhook_url": webhook_url,
            "webhook_token_file": str(token_file),
        }
        path = self.state / "monitor.json"
        path.write_text(json.dumps(settings), "utf-8")
        await self._premises.start("monitor", "evasion.monitor", path)

    def flag_one_item(self) -> None:
        """Let the auditors flag the next explicit item they see."""
        self.flag_file.touch()

    async def fall_silent(self) -> None:
        """Let nobody upload or audit any more: from then on nothing happens by itself."""
        for child in self._people:
            await child.stop()

    async def admin(self, path: str) -> Any:
        """What the service says at an admin path."""
        return (await self._admin.get(path)).raise_for_status().json()

    async def look(self, size: int = _SHARE_OF_A_LOOK) -> EvasionLook:
        """*size* pictures of each set through the public edge, each look other ones."""
        self._turn += 1
        start = self._turn * size
        answers: list[tuple[str, str, str]] = []
        tallies: list[dict[str, int]] = []
        for pictures in (self._sealed, self._benign):
            chosen = [pictures[(start + n) % len(pictures)] for n in range(size)]
            got = await asyncio.gather(*(self._ask(content) for content in chosen))
            answers += got
            tally: dict[str, int] = {}
            for decision, _, _ in got:
                tally[decision] = tally.get(decision, 0) + 1
            tallies.append(tally)
        return EvasionLook(
            at=datetime.now(UTC),
            adversarial=tallies[0],
            benign=tallies[1],
            by=tuple(sorted({by for _, by, _ in answers if by})),
            versions=tuple(sorted({version for _, _, version in answers if version})),
        )

    async def knock(self, account: str) -> int:
        """The status that an upload of this account is answered with."""
        headers = {"x-account": account, "x-traffic": "probe"}
        content = self._benign[0]
        return (await self._edge.post("/v1/moderate", content=content, headers=headers)).status_code

    async def _ask(self, content: bytes) -> tuple[str, str, str]:
        headers = {"x-account": "outside-observer", "x-traffic": "probe"}
        async with self._gate:
            try:
                answer = await self._edge.post("/v1/moderate", content=content, headers=headers)
            except httpx2.HTTPError:
                return "no answer", "", ""
        if answer.status_code != 200:
            return str(answer.status_code), "", ""
        body = answer.json()
        return body["decision"], answer.headers.get("x-moderation", ""), body["version"]

    async def _start(self) -> None:
        edge, caddy, service = free_ports(3)
        self.edge_url = f"http://{LOOPBACK}:{edge}"
        self.caddy_admin_url = f"http://{LOOPBACK}:{caddy}"
        self.service_url = f"http://{LOOPBACK}:{service}"
        self.admin_token_file = self.state / "admin-token"
        self.admin_token_file.touch(mode=0o600)
        token = secrets.token_urlsafe(24)
        self.admin_token_file.write_text(token, "utf-8")
        self.flag_file = self.state / "flag-the-next"
        start = self._premises.start
        serving = await start("service", "moderation.api", self.state, "--port", str(service))
        red_team = await start("red-team", "evasion.redteam", self.state)
        config = caddy_config(edge, caddy, [f"{LOOPBACK}:{service}"], PATHS)
        front = self._premises.own(await start_caddy(self.state, config, self.env))
        self._edge = await self._client(self.edge_url, {})
        self._admin = await self._client(self.service_url, {"authorization": f"Bearer {token}"})
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._turn = 0
        await wait_caddy(front, self.caddy_admin_url)
        await serving.wait_ready(self._answers, _READY_WITHIN)
        await self._premises.succeeded(red_team, _READY_WITHIN)
        self._read_sets()
        where = (self.service_url, self.admin_token_file)
        flagging = ("--flag-file", self.flag_file)
        self._people = (
            await start("members", "evasion.people", "members", self.edge_url),
            await start("auditors", "evasion.people", "auditors", *where, *flagging),
        )

    def _read_sets(self) -> None:
        self.sealed_path = self.state / SEALED
        self.benign_path = self.state / BENIGN
        self.sealed_digest = digest_of_file(self.sealed_path)
        self.benign_digest = digest_of_file(self.benign_path)
        self.training_digest = digest_of_file(self.state / "sets" / TRAINING)
        self._sealed, self._benign = (
            [
                base64.b64decode(json.loads(line)["content"])
                for line in path.read_text().splitlines()
            ]
            for path in (self.sealed_path, self.benign_path)
        )

    async def _client(self, url: str, headers: dict[str, str]) -> httpx2.AsyncClient:
        return await self._stack.enter_async_context(
            httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=10)
        )

    async def _answers(self) -> bool:
        return (await self._edge.get("/healthz")).is_success

    async def _attack_is_reported(self) -> bool:
        return (self.state / "attack.json").exists()


def digest_of_file(path: Path) -> str:
    """The digest that a set is pinned by."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
