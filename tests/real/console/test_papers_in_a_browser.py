"""Reports and the audit pack from an incident's page, as an auditor opens and downloads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from hemostat.audit.follower import Sealer
from hemostat.audit.sealer import run_sealer
from hemostat.audit.setup import first_key, store_of, trust_path
from hemostat.cli import run
from hemostat.vault import Vault
from tests.real.console.people import at_the_console
from tests.real.console.stage import SOON, Served

pytestmark = [pytest.mark.real, pytest.mark.temporal]


@asynccontextmanager
async def sealed(console: Served) -> AsyncIterator[None]:
    """A sealer follows every incident meanwhile, with the settings that the gateway has."""
    made, stop = console.settings, asyncio.Event()
    sealer = Sealer(
        console.client,
        store_of(made),
        first_key(made),
        Vault.of(made),
        every=timedelta(seconds=0.2),
        patience=timedelta(seconds=SOON),
    )
    task = asyncio.create_task(run_sealer(sealer, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def test_an_auditor_reads_the_reports_and_takes_the_record_along(
    console: Served, browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    incident = await console.alert()
    await console.gate_opens(incident, "confirm-known-good")
    async with sealed(console), at_the_console(browser, console, "auditor-1") as page:
        await page.goto(f"/incidents/{incident}")
        await page.get_by_role("link", name="Read the post-mortem").click()
        await expect(page.locator("h1")).to_contain_text("Feedback-loop poisoning")
        await looks_as_written_and_runs_nothing(page)
        for kind in ("post-mortem", "board report"):
            await page.goto(f"/incidents/{incident}")
            pdf = await downloaded(page, f"PDF of the {kind}", tmp_path)
            assert pdf.name == f"{kind.replace(' ', '-')}-{incident}.pdf"
            assert pdf.read_bytes().startswith(b"%PDF-")
        pack = await downloaded(page, "Download the audit pack", tmp_path, again=True)
        assert pack.name == f"{incident}.zip"
    trust = str(trust_path(console.settings))
    run(["audit", "verify", str(pack), "--trust", trust, "--json"])
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert [one["code"] for one in verdict["findings"]] == ["record-open"], "and nothing else"
    assert (verdict["incident"], verdict["closed"]) == (incident, False)
    assert not list(console.settings.state_folder.glob("handed-out-*"))


async def looks_as_written_and_runs_nothing(page: Page) -> None:
    """The report's own style is taken, and its policy stands in the way of nothing of it."""
    assert await page.evaluate("violations") == []
    fact = page.locator(".facts div").first
    assert await fact.evaluate("one => getComputedStyle(one).borderLeftWidth") == "3px"
    await expect(page.locator("svg").first).to_be_visible()
    size = page.viewport_size
    await page.set_viewport_size({"width": 360, "height": 740})
    drawn = await page.locator("svg text").first.bounding_box()
    assert drawn is not None
    assert drawn["height"] >= 11, "its words can be read on a phone"
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.set_viewport_size(size or {"width": 1280, "height": 720})
    await page.evaluate(
        "() => { const one = document.createElement('img'); one.src = '/static/x'; document.body.append(one); }"
    )
    await page.wait_for_function("violations.some(one => one.includes('img-src'))")


async def downloaded(page: Page, link: str, folder: Path, *, again: bool = False) -> Path:
    """What a link gives; *again*: as often as it takes until there is something to give."""
    async with asyncio.timeout(SOON):
        while again:
            address = await page.get_by_role("link", name=link).get_attribute("href")
            if (await page.request.get(address or "")).ok:
                break
            await asyncio.sleep(0.2)
    async with page.expect_download() as given:
        await page.get_by_role("link", name=link).click()
    file = folder / (await given.value).suggested_filename
    await (await given.value).save_as(file)
    return file
