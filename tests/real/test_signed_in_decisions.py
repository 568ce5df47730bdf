"""A fresh ``hemostat up``: the operator signs in and decides; a decision forged in Temporal fails."""

import asyncio
import json
import re
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hemostat.incidents import journal_from, view
from hemostat.processes import ChildProcess, free_ports
from hemostat.settings import Settings, read_secret
from hemostat.temporal import connect_to
from hemostat.up.first_settings import write_first_settings
from schemas.journal import Entry, Kind
from schemas.signed_statement import read
from tests.browser import csrf_in
from tests.webhooks import webhook

pytestmark = [pytest.mark.real, pytest.mark.temporal, pytest.mark.slow]

SOON = timedelta(seconds=90)
PASSWORD = "a password of one's own"


@asynccontextmanager
async def up(folder: Path) -> AsyncIterator[tuple[str, str, str]]:
    """Run it in an empty folder; yields the gateway, Temporal, and the one-time secret."""
    port, temporal, ui = (str(port) for port in free_ports(3))
    config, log = folder / "hemostat.toml", folder / "up.log"
    ports = ["--temporal-port", temporal, "--ui-port", ui]
    first = [sys.executable, "-m", "hemostat", "up", "--config", str(config), *ports]
    write_first_settings(config, port=int(port))
    async with await ChildProcess.start("hemostat up", first, log=log, own_group=False) as child:

        async def says_so() -> bool:
            return "Stop with Ctrl-C" in log.read_text()

        await child.wait_ready(says_so, SOON)
        (secret,) = re.findall(r"one-time secret, shown once: (\S+)", log.read_text())
        yield f"http://127.0.0.1:{port}", f"127.0.0.1:{temporal}", secret


async def entry_of(client: Any, incident: str, decision: str) -> Entry:
    """What the journal says of a decision, once it does."""
    async with asyncio.timeout(SOON.total_seconds()):
        while True:
            for entry in await journal_from(client, incident, 0):
                if entry.data.get("decision") == decision:
                    return entry
            await asyncio.sleep(0.1)


async def test_the_operator_decides_in_the_console_and_a_forged_decision_changes_nothing(
    tmp_path: Path,
) -> None:
    async with (
        up(tmp_path) as (url, temporal, secret),
        httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as http,
    ):
        (token,) = Settings.load(tmp_path / "hemostat.toml").sources["alertmanager"].token
        bearer = {"Authorization": f"Bearer {read_secret(token)}"}
        posted = await http.post("/alerts/alertmanager", content=webhook(), headers=bearer)
        incident = posted.json()["incidents"][0]["id"]
        client = await connect_to(temporal)

        seen = await view(client, incident)
        assert seen.asks_proof
        gate = next(g for g in seen.gates if g.policy.id == "close")
        forged = {
            "decision_id": uuid.uuid4().hex,
            "gate": "close",
            "nonce": gate.nonce,
            "digest": gate.digest,
            "choice": "approve",
            "actor": "operator",
            "role": "commander",
            "reason": "trust me",
        }
        await client.get_workflow_handle(incident).signal("decide", forged)
        refused = await entry_of(client, incident, forged["decision_id"])
        assert refused.kind is Kind.REFUSED
        assert refused.data["refusal"] == "unauthenticated"
        assert (await view(client, incident)).phase != "closed"

        page = f"/incidents/{incident}/gates/close"
        away = await http.get(page)
        assert (away.status_code, away.headers["location"][:12]) == (303, "/login?next=")
        form = {"name": "operator", "secret": secret}
        form["csrf"] = csrf_in((await http.get(away.headers["location"])).text)
        chosen = {**form, "password": PASSWORD, "again": PASSWORD}
        back = await http.post("/login", data=chosen)
        assert back.headers["location"] == page
        shown = (await http.get(page)).text
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))
        said = {**fields, "role": "ml-on-call", "reason": "handled", "choice": "approve"}
        became = await http.post(page, data=said)
        assert became.status_code == 303, became.text
        decision = became.headers["location"].partition("?decided=")[2]
        counted = await entry_of(client, incident, decision)
        assert counted.kind is Kind.DECISION
        assert counted.data["method"] == "password"
        assert counted.data["subject"] == "local:operator"
        taken = read(str(counted.data["statement"]))
        assert taken is not None
        assert taken.statement.channel == "console"
        assert json.loads((tmp_path / "var/identity/accounts.json").read_text())
        assert secret not in (tmp_path / "var/gateway.log").read_text()
