"""The range of assistant-exfiltration: a cloud, an assistant, its edge, callers, wiki, evidence.

Law: as the other ranges: everything on loopback in one temporary folder, gone with the ``async
with``. People are not in it, only opaque ids: callers ``ck-…`` at the gateway, principals ``p-…`` in
the cloud.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from hemostat.drill.range.assistant.settings import AssistantSettings
from hemostat.drill.range.edge import start_caddy, wait_caddy
from hemostat.drill.range.evidence_store import (
    end_evidence_store,
    start_evidence_store,
    wait_evidence_store,
)
from hemostat.drill.range.exfiltration import confidential
from hemostat.drill.range.exfiltration.cloud import REGION, start_cloud, wait_cloud
from hemostat.drill.range.exfiltration.insider import Loot, Plan
from hemostat.drill.range.exfiltration.keyed_edge import key_environment, keyed_config
from hemostat.drill.range.premises import OnPremises
from hemostat.processes import LOOPBACK, ChildProcess, free_ports

SUSPECT: Final = "ck-7f3a"
COLLEAGUES: Final = ("ck-19b2", "ck-c05d")
INSIDER: Final = "drill-insider"
"""The person behind the suspect's key: one of the service's owners, and so an approver."""
SUSPECT_PRINCIPAL: Final = "p-7f3a"
SERVICE_PRINCIPAL: Final = "p-assistant"
WIKI_CLIENT: Final = "hemostat"
BUCKET: Final = "documents"
SECRET: Final = "assistant/documents"  # noqa: S105 - the name of a secret, not one
_READY_WITHIN: Final = timedelta(seconds=60)
_READS: Final = ["s3:GetObject", "s3:ListBucket", "sts:*"]


class ExfiltrationRange(OnPremises):
    """Real services that an insider can really drain. Use as an async context manager."""

    def __init__(self) -> None:
        super().__init__()
        self._insider: ChildProcess | None = None
        self._monitor: ChildProcess | None = None

    async def start_insider(self) -> None:
        """Begin to drain; returns when the first report is there."""
        plan = Plan(
            edge_url=self.edge_url,
            caller=SUSPECT,
            key=self.keys[SUSPECT],
            cloud_url=self.cloud.url,
            region=REGION,
            bucket=BUCKET,
            key_id=self.suspect_key["access_key_id"],
            secret=self.suspect_key["secret_access_key"],
            session=self.session,
            wiki_url=self.wiki_url,
            wiki_token=self.wiki_token,
        )
        self.secret_file("insider.json", json.dumps(asdict(plan)))
        self._insider = await self._premises.start(
            "insider", "exfiltration.insider", self.state / "insider.json", self.state / "loot.json"
        )
        await self._insider.wait_ready(self._loot_is_there, _READY_WITHIN)

    async def stop_insider(self) -> None:
        """The insider gives up; the loot stays to be counted."""
        if self._insider is not None:
            await self._insider.stop()

    def loot(self) -> Loot:
        """What the insider got so far."""
        return Loot.read(self.state / "loot.json")

    async def start_monitor(self, webhook: str, token_file: Path) -> None:
        """Start the data-loss monitor."""
        settings = {
            "assistant": self.assistant_url,
            "admin_token_file": str(self.state / "admin-token"),
            "marks": str(self.state / "marks.json"),
            "webhook": webhook,
            "alert_token_file": str(token_file),
        }
        (self.state / "monitor.json").write_text(json.dumps(settings))
        self._monitor = await self._premises.start(
            "monitor", "exfiltration.monitor", self.state / "monitor.json"
        )

    def secret_file(self, name: str, value: str) -> Path:
        """Write a secret for its owner's eyes only."""
        file = self.state / name
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")
        return file

    async def _start(self) -> None:
        names = ("edge", "caddy", "cloud", "assistant", "wiki")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        self.edge_url, self.caddy_admin_url = urls["edge"], urls["caddy"]
        self.assistant_url, self.wiki_url = urls["assistant"], urls["wiki"]
        self.documents = confidential.documents()
        self.marks_digest = confidential.write_marks(self.documents, self.state / "marks.json")
        self.keys = {caller: secrets.token_urlsafe(24) for caller in (SUSPECT, *COLLEAGUES)}
        for caller, key in self.keys.items():
            self.secret_file(f"key-{caller}", key)
        self.secret_file("admin-token", secrets.token_urlsafe(24))
        store, self.evidence = await start_evidence_store(self.state / "evidence", self.env)
        self._premises.own(store)
        self._stack.push_async_callback(end_evidence_store, store, self.evidence)
        config = keyed_config(
            ports["edge"], ports["caddy"], f"{LOOPBACK}:{ports['assistant']}", self.keys
        )
        caddy = self._premises.own(
            await start_caddy(self.state, config, {**self.env, **key_environment(self.keys)})
        )
        child, self.cloud = await start_cloud(self.state, ports["cloud"], self.env)
        self._premises.own(child)
        await wait_cloud(child, self.cloud)
        await asyncio.to_thread(self._seed)
        await self._start_wiki(ports["wiki"])
        await self._start_assistant(ports["assistant"])
        await wait_caddy(caddy, self.caddy_admin_url)
        await wait_evidence_store(store, self.evidence)

    async def _start_wiki(self, port: int) -> None:
        """The assistant's connector opens it; its token stands in the assistant's own settings."""
        self.wiki_token = secrets.token_urlsafe(24)
        settings = {
            "port": port,
            "client_id": WIKI_CLIENT,
            "client_secret_file": str(self.secret_file("wiki-client", secrets.token_urlsafe(24))),
            "token_file": str(self.secret_file("wiki-token", self.wiki_token)),
            "pages": {"home": "Welcome.", **{d.id: d.text for d in self.documents}},
        }
        (self.state / "wiki.json").write_text(json.dumps(settings), encoding="utf-8")
        child = await self._premises.start("wiki", "assistant.wiki", self.state / "wiki.json")
        await child.wait_ready(_answers(f"{self.wiki_url}/healthz"), _READY_WITHIN)

    async def _start_assistant(self, port: int) -> None:
        settings = AssistantSettings(
            port=port,
            cloud_url=self.cloud.url,
            region=REGION,
            bucket=BUCKET,
            secret=SECRET,
            identity_file=str(self.state / "assistant-identity"),
            admin_token_file=str(self.state / "admin-token"),
            log_file=str(self.state / "assistant-log.jsonl"),
            groups={SUSPECT: (), COLLEAGUES[0]: ("basalt",), COLLEAGUES[1]: ()},
        )
        settings.save(self.state / "assistant.json")
        child = await self._premises.start(
            "assistant", "assistant.api", self.state / "assistant.json"
        )
        await child.wait_ready(_answers(f"{self.assistant_url}/healthz"), _READY_WITHIN)

    def _seed(self) -> None:
        """Documents, principals, their keys, a session made in time, and our own hand; blocking."""
        store = self.cloud.client("s3")
        store.create_bucket(Bucket=BUCKET)
        for document in self.documents:
            body = json.dumps(document.stored()).encode()
            store.put_object(Bucket=BUCKET, Key=f"{document.id}.json", Body=body)
        self.suspect_key = self._principal(SUSPECT_PRINCIPAL, _READS)
        self.service_key = self._principal(SERVICE_PRINCIPAL, _READS)
        self.cloud.client("secretsmanager").create_secret(
            Name=SECRET, SecretString=json.dumps(self.service_key)
        )
        identity = self._principal("p-assistant-identity", ["secretsmanager:GetSecretValue"])
        self.secret_file("assistant-identity", json.dumps(identity))
        hand = self._principal(
            "p-hemostat", ["cloudtrail:LookupEvents", "iam:*", "secretsmanager:*", "sts:*"]
        )
        self.secret_file("aws-key-id", hand["access_key_id"])
        self.secret_file("aws-secret", hand["secret_access_key"])
        self.session = self._session()
        self.secret_file("witness", json.dumps({**self._session(), "bucket": BUCKET}))

    def _principal(self, name: str, actions: list[str]) -> dict[str, str]:
        iam = self.cloud.client("iam")
        iam.create_user(UserName=name)
        allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        }

    def _session(self) -> dict[str, str]:
        key = self.suspect_key
        sts = self.cloud.client("sts", key["access_key_id"], key["secret_access_key"])
        made: dict[str, Any] = sts.get_session_token()["Credentials"]
        return {
            "access_key_id": made["AccessKeyId"],
            "secret_access_key": made["SecretAccessKey"],
            "session_token": made["SessionToken"],
        }

    async def _loot_is_there(self) -> bool:
        return (self.state / "loot.json").exists()


def _answers(url: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            return (await http.get(url)).is_success

    return check
