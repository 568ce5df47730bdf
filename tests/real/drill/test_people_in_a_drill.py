"""One drill and its people: an alert of Prometheus opens it, and four ways lead to a decision.

A console in a real browser, the command line, the link of a message in Slack, and a signal forged
straight through Temporal. The attack is real and goes on; the worker, the gateway and the sealer
are production's own processes. Without Prometheus the range's own monitor alerts.
"""

import asyncio
import json
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from hemostat.drill.course import detected
from hemostat.drill.poisoning.configuration import CAST
from hemostat.drill.poisoning.observer import Observer
from hemostat.drill.poisoning.stage import Stage
from hemostat.drill.told import direct_channel, everyone
from hemostat.identity.desk import accounts_of
from hemostat.incidents import journal_from, list_incidents, view
from hemostat.keys import create_key
from schemas.errors import HemostatError
from schemas.incident import Containment, GateView, IncidentView
from schemas.journal import Entry, Kind
from schemas.signed_statement import read
from tests.real.console.conftest import ARGUMENTS, CHROMIUM
from tests.real.drill.monitoring import INSTALLED, start_monitoring

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "a password of the drill"
ON_CALL, OWNER, LEAD = "drill-ml-on-call", "drill-service-owner", "drill-ml-lead"
SOON = 90.0
ROOT = Path(__file__).parents[3]


@dataclass
class Drill:
    """A drill under attack, its incident, and the key that one of its people holds alone."""

    stage: Stage
    incident: str
    own_key: Path

    async def until(self, holds: Callable[[IncidentView], bool]) -> IncidentView:
        """Wait until the incident is seen like this."""
        async with asyncio.timeout(SOON):
            while True:
                with suppress(HemostatError):  # the worker is busy: people look again
                    seen = await view(self.stage.client, self.incident)
                    if holds(seen):
                        return seen
                await asyncio.sleep(0.2)

    async def asks(self, gate: str) -> GateView:
        """Wait until a gate is open."""
        found = at(await self.until(lambda seen: at(seen, gate) is not None), gate)
        assert found is not None
        return found

    async def entry_of(self, decision: str) -> Entry:
        """What the journal says of a decision, once it does."""
        async with asyncio.timeout(SOON):
            while True:
                for entry in await journal_from(self.stage.client, self.incident, 0):
                    if entry.data.get("decision") == decision:
                        return entry
                await asyncio.sleep(0.2)

    async def paged(self, role: str) -> dict[str, Any]:
        """The alert at PagerDuty that calls *role*, once it is there."""
        async with asyncio.timeout(SOON):
            while True:
                for alert in (await self.stage.pagerduty.state())["alerts"]:
                    if role in json.dumps(alert):
                        found: dict[str, Any] = alert
                        return found
                await asyncio.sleep(0.2)

    async def link_in_slack(self, person: str, gate: str) -> str:
        """The address behind the button of a direct message to *person* about *gate*."""
        async with asyncio.timeout(SOON):
            while True:
                messages = (await self.stage.slack.state())["messages"]
                for message in messages.get(direct_channel(person), ()):
                    for url in re.findall(r'"url": "([^"]+)"', json.dumps(message)):
                        if url.endswith(f"/gates/{gate}"):
                            return str(url)
                await asyncio.sleep(0.2)


def at(seen: IncidentView, gate: str) -> GateView | None:
    """A gate of an incident, if it is open."""
    return next((g for g in seen.gates if g.policy.id == gate), None)


@pytest.fixture(scope="module")
async def drill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drill]:
    """The drill's own stage; each of its people has an account, one also a key of their own."""
    own_key = tmp_path_factory.mktemp("own") / "own.pem"
    speaks = (
        f'\n[[identity.keys]]\nperson = "{LEAD}"\npublic = "{create_key(own_key, LEAD).public}"\n'
    )
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(Stage(respond=True))
        await stage.install_hemostat(await Observer(stage.range).baseline(), speaks)
        accounts = accounts_of(stage.settings)
        for person in everyone(CAST):
            accounts.add(person)
            accounts.choose(person, PASSWORD)
        if INSTALLED:
            for child in await start_monitoring(stage):
                stack.push_async_callback(child.stop)
        else:
            posts = f"{stage.gateway_url}/alerts/alertmanager"
            await stage.range.start_monitor(posts, stage.state / "alert-token")
        await stage.range.start_attack()
        yield Drill(stage, await detected(stage), own_key)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.mark.skipif(not INSTALLED, reason="Prometheus is not installed")
async def test_an_alert_of_prometheus_through_alertmanager_is_contained_and_proven(
    drill: Drill,
) -> None:
    await drill.until(lambda seen: seen.containment is Containment.PROVEN)
    rows = await list_incidents(drill.stage.client)
    entries = await journal_from(drill.stage.client, drill.incident, 0)
    seen = await drill.stage.range.measure()
    assert len(rows) == 1
    assert rows[0].drill
    told = next(entry for entry in entries if entry.kind is Kind.ALERT)
    assert str(told.data["title"]).startswith("negative answers at 1.")
    assert (seen.predict_status, seen.feedback_status) == (200, 503)


async def test_decisions_count_from_the_console_the_command_line_and_slacks_link_but_no_forged_one(
    drill: Drill, browser: Browser
) -> None:
    await drill.asks("acknowledge")
    page = f"{drill.stage.gateway_url}/incidents/{drill.incident}/gates/acknowledge"
    counted = await drill.entry_of(await decided_in_the_browser(browser, page, ON_CALL))
    assert (counted.kind, counted.data["actor"]) == (Kind.DECISION, ON_CALL)
    assert proof_of(counted) == ("console", "password", f"local:{ON_CALL}")

    await drill.asks("confirm-known-good")
    page = f"{drill.stage.gateway_url}/incidents/{drill.incident}/gates/confirm-known-good"
    await drill.entry_of(await decided_in_the_browser(browser, page, ON_CALL))

    asked = await drill.asks("rescore-decisions")
    link = await drill.link_in_slack(OWNER, "rescore-decisions")
    counted = await drill.entry_of(await decided_in_the_browser(browser, link, OWNER))
    assert (counted.kind, counted.data["actor"]) == (Kind.DECISION, OWNER)
    assert proof_of(counted) == ("console", "password", f"local:{OWNER}")

    before = await view(drill.stage.client, drill.incident)
    forged = forgery(asked)
    await drill.stage.client.get_workflow_handle(drill.incident).signal("decide", forged)
    refused = await drill.entry_of(forged["decision_id"])
    assert (refused.kind, refused.data["refusal"]) == (Kind.REFUSED, "unauthenticated")
    alert = await drill.paged("security-on-call")
    assert alert["status"] == "triggered"
    after = await view(drill.stage.client, drill.incident)
    assert at(after, "rescore-decisions") == at(before, "rescore-decisions")
    assert at(after, "rescore-decisions") is not None
    assert (after.phase, after.containment) == (before.phase, before.containment)

    counted = await drill.entry_of(await decided_at_the_command_line(drill, "rescore-decisions"))
    assert (counted.kind, counted.data["actor"]) == (Kind.DECISION, LEAD)
    assert proof_of(counted)[:2] == ("cli", "own-key")
    await drill.until(lambda seen: at(seen, "rescore-decisions") is None)


def proof_of(entry: Entry) -> tuple[str, str, str]:
    """By which way a counted decision came, how its person proved it, and who that is."""
    taken = read(str(entry.data["statement"]))
    assert taken is not None
    said = taken.statement
    return said.channel, said.method, said.subject


def forgery(gate: GateView) -> dict[str, str]:
    """All that who has full access to Temporal can know of a gate, said in somebody's name."""
    return {
        "decision_id": uuid.uuid4().hex,
        "gate": gate.policy.id,
        "nonce": gate.nonce,
        "digest": gate.digest,
        "choice": "approve",
        "actor": LEAD,
        "role": "ml-lead",
        "reason": "trust me",
    }


async def decided_in_the_browser(browser: Browser, address: str, person: str) -> str:
    """Open *address* as a stranger, sign in as *person*, approve; return the decision's id."""
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(30_000)
    try:
        await page.goto(address)
        assert "/login?next=" in page.url
        return await _signed_in_and_approved(page, address, person)
    finally:
        await context.close()


async def _signed_in_and_approved(page: Page, address: str, person: str) -> str:
    await page.get_by_label("Account").fill(person)
    await page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url(address)
    await page.get_by_label("Evidence checked, I agree").check()
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url("**decided=*")
    return page.url.partition("decided=")[2].partition("#")[0]


async def decided_at_the_command_line(drill: Drill, gate: str) -> str:
    """``hemostat decide`` as the lead, signed with their own key; return the decision's id."""
    said = ("decide", drill.incident, gate, "approve", "--as", LEAD, "--role", "ml-lead")
    temporal = drill.stage.temporal
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hemostat", *said, "--json", "--key", str(drill.own_key)),
        *("--reason", "the version that scores now is known good"),
        cwd=ROOT,
        env={
            **os.environ,
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_NAMESPACE": temporal.namespace,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out
    return str(json.loads(out)["decision"]["decision_id"])
