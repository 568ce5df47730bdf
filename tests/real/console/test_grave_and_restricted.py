"""What is grave asks for a fresh proof, and what is restricted is not there for who may not see it."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.real.console.people import at_the_console
from tests.real.console.stage import PASSWORD, Served, served, settings
from tests.workflows.conftest import FLAGS, server, working
from tests.workflows.world import World

pytestmark = [pytest.mark.real, pytest.mark.temporal]


@pytest.fixture(scope="module")
async def strict(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A gateway at which a proof is soon stale, and whose service is restricted."""
    made = settings(tmp_path_factory.mktemp("strict"), step_up_within="2s", restricted=True)
    async with (
        server(FLAGS) as env,
        working(env.client, World()) as queue,
        served(env.client, queue, made) as gateway,
    ):
        yield gateway


async def test_a_restricted_incident_is_not_there_for_who_need_not_know_of_it(
    strict: Served, browser: Browser
) -> None:
    incident = await strict.alert()
    await strict.gate_opens(incident, "acknowledge")
    async with at_the_console(browser, strict, "s1") as outsider:
        for path in (
            f"/incidents/{incident}",
            f"/incidents/{incident}/gates/acknowledge",
            f"/incidents/{incident}/events",
            f"/incidents/{incident}/reports/post-mortem.html",
            f"/incidents/{incident}/reports/board-report.pdf",
        ):
            hidden = await outsider.request.get(path)
            never = await outsider.request.get(path.replace(incident, "feedback-poisoning-none"))
            assert hidden.status == never.status == 404
            assert hidden.headers["cache-control"] == "no-store"
            body = (await hidden.text()).replace(incident, "ID")
            assert body == (await never.text()).replace("feedback-poisoning-none", "ID")
        await outsider.goto("/incidents")
        await expect(outsider.locator("main")).not_to_contain_text(incident)

    async with at_the_console(browser, strict, "c1") as commander:
        await commander.goto(f"/incidents/{incident}")
        await expect(commander.locator("h1")).to_contain_text("Feedback-loop poisoning")
        page = await commander.request.get(f"/incidents/{incident}/reports/post-mortem.html")
        assert page.status == 200
        assert (await commander.request.get(f"/incidents/{incident}/pack.zip")).status == 404
    reads = (strict.settings.state_folder / "reads.jsonl").read_text()
    assert '"person":"c1"' in reads
    for what in ("view", "journal", "post-mortem", "pack"):
        assert re.search(rf'"person":"c1".*"what":"{what}"', reads), what
    assert '"person":"s1"' not in reads


@pytest.mark.slow
async def test_what_destroys_is_decided_only_with_a_fresh_proof(
    strict: Served, browser: Browser
) -> None:
    incident = await strict.alert()
    async with at_the_console(browser, strict, "o1") as page:
        for gate in ("acknowledge", "confirm-known-good"):
            await strict.gate_opens(incident, gate)
            await page.goto(f"/incidents/{incident}/gates/{gate}")
            await page.get_by_label("Evidence checked, I agree").check()
            await page.get_by_role("button", name="Approve").click()
            await page.wait_for_url(re.compile("decided="))
    await strict.gate_opens(incident, "rescore-decisions")
    async with at_the_console(browser, strict, "m1") as lead:
        await asyncio.sleep(2.1)  # until the proof of the sign-in is stale, as configured
        here, why = f"/incidents/{incident}/gates/rescore-decisions", "scored by the poisoned model"
        await lead.goto(here)
        await expect(lead.locator("form.decide")).to_have_count(0)  # it is asked for beforehand
        async with asyncio.timeout(60):
            while not await lead.locator("form.decide").is_visible():
                await prove(lead)
        await lead.get_by_label("or in your words").fill(why)
        await asyncio.sleep(2.1)  # until that proof is stale as well
        await lead.get_by_role("button", name="Approve").click()
        async with asyncio.timeout(60):
            while not await lead.locator("#became").is_visible():
                await expect(lead.get_by_role("alert")).to_contain_text("has grown old")
                seen = await strict.gate_opens(incident, "rescore-decisions")
                assert all(g.approvals == 0 for g in seen.gates)
                await expect(lead.get_by_label("or in your words")).to_have_value(why)
                await prove_in_another_tab(lead, here)
                await lead.get_by_role("button", name="Approve").click()
                await lead.wait_for_load_state()
        await expect(lead.locator("#became")).to_contain_text("Approved. It is recorded.")


async def test_what_was_written_outlives_a_proof_that_grew_old_while_it_was_written(
    strict: Served, browser: Browser
) -> None:
    incident = await strict.alert()
    await strict.gate_opens(incident, "acknowledge")
    here, why = f"/incidents/{incident}/say/suspect", "seen\nat <night>"
    async with at_the_console(browser, strict, "c1") as page:
        async with asyncio.timeout(60):
            await page.goto(here)
            while not await page.get_by_label("Who, by their id").is_visible():
                await prove(page)  # the page asks for it first, and only then has the form
                await page.goto(here)
        await page.get_by_label("Who, by their id").fill("d1")
        await page.get_by_label("Why, for the record").fill(why)
        await asyncio.sleep(2.1)  # until the proof is stale, as configured
        async with asyncio.timeout(60):
            await page.get_by_role("button", name="Exclude them for good").click()
            while not await page.locator("#became").is_visible():
                await expect(page.get_by_role("alert")).to_contain_text("has grown old")
                await expect(page.get_by_label("Who, by their id")).to_have_value("d1")
                await expect(page.get_by_label("Why, for the record")).to_have_value(why)
                await prove_in_another_tab(page, here)
                await page.get_by_role("button", name="Exclude them for good").click()
                await page.wait_for_load_state()
        await expect(page.locator("#became")).to_contain_text("excluded someone")


async def prove(page: Page) -> None:
    """Prove again that it is oneself, from the page that asks for it."""
    await page.get_by_role("link", name="Prove that it is you").click()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url("**/incidents/**")


async def prove_in_another_tab(page: Page, here: str) -> None:
    """Prove it again where the page with what was written stays as it is."""
    async with page.expect_popup() as opening:
        await page.get_by_role("link", name="Prove it again in another tab").click()
    tab = await opening.value
    await tab.get_by_label("Password").fill(PASSWORD)
    await tab.get_by_role("button", name="Go on").click()
    await tab.wait_for_url(f"**{here}")
    await tab.close()
