"""The console on a real Temporal with a real worker, served by a real HTTP server.

The systems that a playbook acts on are the tests' own world; alerts come in through the gateway.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from temporalio.client import Client

from hemostat.console.book import book_of
from hemostat.gateway.app import gateway_app
from hemostat.gateway.incident_signal import IncidentSignals
from hemostat.gateway.server import Insight, for_people
from hemostat.identity.desk import Identity, accounts_of
from hemostat.incidents import view
from hemostat.keys import create_key
from hemostat.processes import LOOPBACK, free_port
from hemostat.settings import Settings
from hemostat.vault import Vault
from schemas.errors import HemostatError
from schemas.incident import IncidentView
from tests.webhooks import alert, webhook
from tests.workflows.case import CONNECTIONS
from tests.workflows.roster import PEOPLE, ROLES
from workers.registry import discover_playbooks, spec_of

PASSWORD = "a password of the tests"
SOON = 20.0

_SETTINGS = """
[gateway]
port = {port}

[identity]
key = "file:gateway-key.pem"
auditors = ["auditor-1"]
step_up_within = "{step_up_within}"

[sources.alertmanager]
kind = "alertmanager"
token = "file:alert-token"

[[routes]]
source = "alertmanager"
match = {{ alertname = "FeedbackPoisoningSuspected", stage = "drill" }}
playbook = "feedback-poisoning"
service = "sentiment-staging"
correlate_by = ["model"]

[[routes]]
source = "alertmanager"
match = {{ alertname = "FeedbackPoisoningSuspected" }}
playbook = "feedback-poisoning"
service = "sentiment-api"
correlate_by = ["model"]

[services.sentiment-api]
playbooks = ["feedback-poisoning"]
restricted = {restricted}
regimes = ["gdpr"]
countries = ["DE"]
connections = {{ {connections} }}
[services.sentiment-api.parameters]
model = "sentiment"
baseline_negative_share = 0.4
baseline_accuracy = 0.96
look_every = {look_every}
look_within = 5
stage_looks = 2
stage_look_every = {look_every}

[services.sentiment-staging]
playbooks = ["feedback-poisoning"]
connections = {{ {connections} }}
[services.sentiment-staging.parameters]
model = "sentiment"
baseline_negative_share = 0.4
baseline_accuracy = 0.96

[break_glass]
people = ["o2"]

{people}
"""


def settings(
    folder: Path,
    *,
    look_every: float = 0.05,
    drill: bool = False,
    step_up_within: str = "10m",
    restricted: bool = False,
) -> Settings:
    """One hemostat.toml with the roster of the tests, each person with an account."""
    (folder / "alert-token").write_text("an-alert-token-of-the-tests")
    create_key(folder / "gateway-key.pem")
    people = "".join(f"[people.{person}]\n" for person in PEOPLE)
    for name, role in ROLES.items():
        lists = {"primary": role.primary, "deputies": role.deputies, "ladder": role.ladder}
        said = "".join(f"{key} = {list(value)}\n" for key, value in lists.items() if value)
        people += f"[roles.{name}]\n{said}".replace("'", '"')
    text = _SETTINGS.format(
        port=free_port(),
        connections=", ".join(f'{name} = "{name}"' for name in CONNECTIONS),
        look_every=look_every,
        step_up_within=step_up_within,
        restricted=str(restricted).lower(),
        people=people,
    )
    text += "".join(f'[connections.{name}]\nadapter = "tests"\n' for name in CONNECTIONS)
    if drill:
        text = "[hemostat]\ndrill = true\n" + text
    file = folder / "hemostat.toml"
    file.write_text(text)
    made = Settings.load(file)
    accounts = accounts_of(made)
    for person in (*PEOPLE, "auditor-1"):
        accounts.add(person)
        accounts.choose(person, PASSWORD)
    return made


@dataclass
class Served:
    """A gateway with its console."""

    url: str
    client: Client
    settings: Settings
    opened: list[str] = field(default_factory=list)
    sessions: dict[str, Any] = field(default_factory=dict)

    async def alert(self, labels: Mapping[str, str] | None = None, **annotations: str) -> str:
        """Post an alert as Alertmanager does; return the id of its incident."""
        firing = alert(
            labels={"model": uuid.uuid4().hex[:8], **(labels or {})},
            annotations={"rise": "0.55", **annotations},
            fingerprint=f"{len(self.opened):016x}",
        )
        async with httpx2.AsyncClient(trust_env=False, timeout=SOON) as http, asyncio.timeout(SOON):
            while True:
                answer = await http.post(
                    f"{self.url}/alerts/alertmanager",
                    content=webhook(firing),
                    headers={"Authorization": "Bearer an-alert-token-of-the-tests"},
                )
                if answer.status_code != 503:  # "send it again", as its sender would
                    break
                await asyncio.sleep(0.2)
        assert answer.status_code == 202, answer.text
        self.opened.append(answer.json()["incidents"][0]["id"])
        return self.opened[-1]

    async def gate_opens(self, incident: str, gate: str) -> IncidentView:
        """Wait until a gate of *incident* is open."""
        async with asyncio.timeout(SOON):
            while True:
                with suppress(HemostatError):  # no worker has taken it up yet
                    seen = await view(self.client, incident)
                    if any(g.policy.id == gate for g in seen.gates):
                        return seen
                await asyncio.sleep(0.05)


@asynccontextmanager
async def served(client: Client, queue: str, made: Settings) -> AsyncIterator[Served]:
    """Serve the gateway with its console, for a worker that listens on *queue*."""
    signals, identity = IncidentSignals(queue, client), Identity(made)
    books = tuple(book_of(p, spec_of(p)) for p in discover_playbooks().values())
    insight = Insight(books, scenarios=("feedback-poisoning",))
    beside = for_people(made, signals, identity, insight)
    app = gateway_app(made, signals, Vault.of(made), beside, identity)
    config = uvicorn.Config(
        app,
        host=LOOPBACK,
        port=made.gateway.port,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.02)
        yield Served(f"http://{LOOPBACK}:{made.gateway.port}", client, made)
    finally:
        server.should_exit = True
        await serving
