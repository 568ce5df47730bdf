"""The stage of the attacks on the API: the gateway's own app and sign-in, before a fake Temporal.

The fake keeps every id and every signal that reached it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from temporalio.client import Client

from hemostat import incidents
from hemostat.api.call import Api
from hemostat.api.routes import api_routes
from hemostat.desk import desk, listing, saying
from hemostat.desk.desk import Desk
from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.identity import secrets
from hemostat.identity.desk import Identity
from hemostat.incidents import JournalRead, NoSuchIncident, reading
from hemostat.incidents.incident_row import IncidentRow
from hemostat.incidents.live import Live
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.canonical import digest_of
from schemas.clocks.view import ClocksView
from schemas.incident import IncidentView
from schemas.journal import Entry, Journal, Kind
from tests.browser import identity_of, member
from tests.unit.console_desk import ID, NONCE, incident

SCRIPT = "<script>alert(document.cookie)</script>\"'><img src=x onerror=alert(1)>"
SPLIT = "x\r\nSet-Cookie: hemostat-session=planted\r\n\r\n<html>"
MONITOR = "m" * 40
ROLES = ("ciso", "commander", "counsel", "dpo", "exec", "ml-lead", "ml-on-call", "scribe")
WRITES: dict[str, dict[str, Any]] = {
    "decisions": {
        "gate": "retrain",
        "choice": "approve",
        "nonce": NONCE,
        "digest": digest_of(1),
        "reason": "r",
    },
    "withdrawals": {"gate": "retrain", "decision_id": "d-1", "reason": "r"},
    "break-glass": {"gate": "retrain", "nonce": NONCE, "reason": "r"},
    "attestations": {"step": "isolate", "reason": "r"},
    "gradings": {"severity": "SEV-1", "reason": "r"},
    "suspicions": {"person": "p-2", "reason": "r"},
    "drafts": {"gate": "retrain", "text": "what is to be sent", "reason": "r"},
    "determinations": {
        "clock": "gdpr-33",
        "what": "applicability",
        "value": "applies",
        "reason": "r",
    },
}
IN_A_ROLE = [where for where in WRITES if where not in ("withdrawals", "break-glass")]


@dataclass(eq=False)
class Temporal:
    """One open incident, in words of an attacker; keeps every id and signal that reached it."""

    text: str = SCRIPT
    asked: list[str] = field(default_factory=list)
    signals: list[tuple[str, Any]] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)

    def get_workflow_handle(self, id_: str) -> Any:
        async def signal(name: str, message: Any) -> None:
            self.signals.append((name, message))
            key = "determination" if name == "determine" else "decision"
            known = {
                getattr(message, one)
                for one in ("decision_id", "withdrawal_id", "use_id", "determination_id", "id")
                if hasattr(message, one) and not (name == "withdraw" and one == "decision_id")
            }
            data: Any = {key: known.pop(), "actor": message.actor, "reason": message.reason}
            self.journal.add(datetime.now(UTC), Kind.DECISION, self.text, data=data)

        return SimpleNamespace(signal=signal)

    def row(self) -> IncidentRow:
        return IncidentRow(
            id=ID, run_id="r1", open=True, status=self.text, playbook=self.text,
            service=self.text, phase=self.text, severity=self.text, containment=self.text,
            waiting_for=(), drill=True, restricted=False, opened_at=datetime.now(UTC),
            closed_at=None,
        )  # fmt: skip


@dataclass
class Stage:
    """The app, who can sign in to it, and what reached Temporal."""

    http: httpx2.AsyncClient
    identity: Identity
    temporal: Temporal
    tokens: dict[str, str] = field(default_factory=dict)

    def bearer(self, person: str, *roles: str, auditor: bool = False) -> dict[str, str]:
        """The headers of somebody with a token lent by the device flow."""
        if person not in self.tokens:
            member(self.identity, person, *roles, auditor=auditor)
            account = self.identity.accounts.get(person)
            assert account is not None
            device, code = self.identity.tokens.ask()
            assert self.identity.tokens.answer(code, self.identity.local(account, "password"))
            self.tokens[person] = self.identity.tokens.collect(device)[0]
        return {"Authorization": f"Bearer {self.tokens[person]}"}

    def cookie(self, person: str) -> dict[str, str]:
        """The headers of this person's browser, signed in with a password."""
        self.bearer(person, "commander")
        account = self.identity.accounts.get(person)
        assert account is not None
        response = Response()
        request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
        self.identity.sessions.open(request, response, self.identity.local(account, "password"))
        return {"Cookie": response.headers["set-cookie"].partition(";")[0]}

    async def say(self, where: str, headers: dict[str, str], **changes: Any) -> httpx2.Response:
        body = WRITES[where] | changes
        return await self.http.post(f"/api/v1/incidents/{ID}/{where}", json=body, headers=headers)


def in_place_of_temporal(monkeypatch: pytest.MonkeyPatch) -> Temporal:
    """A fake in place of every look at Temporal."""
    fake = Temporal()

    async def row(client: Client, id_: str, run_id: str | None = None) -> IncidentRow:
        fake.asked.append(id_)
        if id_ != ID:
            raise NoSuchIncident("there is no such incident")
        return fake.row()

    async def view(client: Client, id_: str, run_id: str | None = None) -> IncidentView:
        seen: IncidentView = incident(fake.text)
        return seen.model_copy(update={"journal_length": fake.journal.length})

    async def journal(*_: Any) -> JournalRead:
        return JournalRead(fake.journal.entries, [fake.text])

    async def journal_from(client: Client, id_: str, start: int) -> list[Entry]:
        return [entry for entry in fake.journal.entries if entry.seq >= start]

    async def became(client: Client, id_: str, said: str) -> list[Entry]:
        return [entry for entry in fake.journal.entries if said in entry.data.values()]

    async def clocks(*_: Any) -> ClocksView:
        return ClocksView(notice=fake.text)

    async def page(*_: Any) -> tuple[list[IncidentRow], bytes | None]:
        return [fake.row()], None

    async def views(client: Client, ids: list[str], patience: object) -> list[IncidentView]:
        return [incident(fake.text) for _ in ids]

    _told(monkeypatch, "row", row)
    _told(monkeypatch, "view", view)
    _told(monkeypatch, "views", views)
    _told(monkeypatch, "journal", journal)
    monkeypatch.setattr(desk, "journal_part", journal)
    _told(monkeypatch, "legal_clocks", clocks)
    monkeypatch.setattr(listing, "page", page)
    monkeypatch.setattr(saying, "view", view)
    monkeypatch.setattr(saying, "journal_from", journal_from)
    monkeypatch.setattr(saying, "became", became)
    monkeypatch.setattr(incidents, "became", became)
    return fake


def _told(monkeypatch: pytest.MonkeyPatch, name: str, told: object) -> None:
    """What is known of incidents, whether asked of the package or within it."""
    monkeypatch.setattr(incidents, name, told)
    monkeypatch.setattr(reading, name, told)


def app_of(folder: Path, identity: Identity, temporal: Temporal, **limits: Any) -> Starlette:
    settings, vault = Settings.load(folder / "hemostat.toml"), Vault(folder / "vault")

    async def connected() -> Client:
        return cast("Client", temporal)

    desk = Desk(settings, connected, vault, identity.key)
    api = Api(desk=desk, live=Live(connected), authenticate=identity.who, **limits)
    signals = cast("IncidentSignals", SimpleNamespace(connected=connected))
    return gateway_app(settings, signals, vault, api_routes(api, lambda: 0.0), identity)


def asking(app: Starlette, address: str = "192.0.2.7") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app, client=(address, 4000))
    return httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8787", follow_redirects=False
    )


def signing_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    """The sign-in of the house, with one service; passwords cost nothing."""
    monkeypatch.setattr(secrets, "_N", 16)
    monkeypatch.setenv("MONITOR_TOKEN", MONITOR)
    return identity_of(folder, 'services = { monitor = "env:MONITOR_TOKEN" }')


@asynccontextmanager
async def on_stage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Everything, with limits that nobody reaches."""
    identity, temporal = signing_in(folder, monkeypatch), in_place_of_temporal(monkeypatch)
    app = app_of(folder, identity, temporal, per_second=1e6, burst=10**6)
    async with asking(app) as http:
        yield Stage(http, identity, temporal)


def defended(answer: httpx2.Response) -> None:
    """No browser makes anything of it but data, and nobody keeps it."""
    kind = answer.headers["Content-Type"]
    assert kind in ("application/json", "application/problem+json"), kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    assert not [c for c in answer.headers.get_list("set-cookie") if "planted" in c]
