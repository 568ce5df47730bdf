"""Takes the pictures of the console that the documents show: ``make pictures``.

A real incident on a real Temporal, in a real browser: light, dark and on a phone.
"""

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from tests.docs.documents import ROOT
from tests.real.console.conftest import ARGUMENTS, CHROMIUM
from tests.real.console.people import at_the_console
from tests.real.console.stage import Served, served, settings
from tests.workflows.conftest import FLAGS, server, working
from tests.workflows.world import World

ASSETS: Final = ROOT / "docs" / "assets"
LARGEST: Final = 150_000
"""Bytes of one picture."""

_PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 860},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


async def take() -> None:
    """Play an incident up to its first grave question, and take the pictures."""
    if CHROMIUM is None:
        raise SystemExit("no chromium is installed (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        made = settings(Path(folder), look_every=1.5)
        async with (
            server(FLAGS) as env,
            working(env.client, World()) as queue,
            served(env.client, queue, made) as console,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            incident = await _played(console, browser)
            await _light(console, browser, incident)
            await _dark(console, browser, incident)
            await _phone(console, browser, incident)
            await browser.close()


async def _played(console: Served, browser: Browser) -> str:
    await console.alert()
    incident = await console.alert()
    async with at_the_console(browser, console, "o1") as page:
        await console.gate_opens(incident, "acknowledge")
        await page.wait_for_timeout(1500)
        await _approve(page, incident, "acknowledge")
        await console.gate_opens(incident, "confirm-known-good")
        await page.wait_for_timeout(1500)
        await _approve(page, incident, "confirm-known-good")
    await console.gate_opens(incident, "rescore-decisions")
    async with at_the_console(browser, console, "m1") as page:
        await page.wait_for_timeout(2500)
        await _approve(page, incident, "rescore-decisions")
        await page.wait_for_timeout(1500)
    return incident


async def _approve(page: Page, incident: str, gate: str) -> None:
    await page.goto(f"/incidents/{incident}/gates/{gate}")
    await page.get_by_label("Evidence checked, I agree").check()
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url("**decided=*")


async def _light(console: Served, browser: Browser, incident: str) -> None:
    size = {"width": 1280, "height": 1000}
    async with at_the_console(browser, console, "s1", viewport=size, color_scheme="light") as page:
        await page.goto(f"/incidents/{incident}")
        await _settled(page)
        _keep("light", await page.screenshot())


async def _dark(console: Served, browser: Browser, incident: str) -> None:
    size = {"width": 1280, "height": 1000}
    async with at_the_console(browser, console, "s1", viewport=size, color_scheme="dark") as page:
        await page.goto(f"/incidents/{incident}")
        await _settled(page)
        await page.locator("#timeline").scroll_into_view_if_needed()
        await page.evaluate("scrollTo(0, document.querySelector('#timeline').offsetTop - 70)")
        await page.locator(".step summary").first.click()
        await page.wait_for_timeout(300)
        _keep("dark", await page.screenshot())


async def _phone(console: Served, browser: Browser, incident: str) -> None:
    async with at_the_console(browser, console, "s1", **_PHONE) as page:
        await page.goto(f"/incidents/{incident}")
        await _settled(page)
        _keep("phone", await page.screenshot())
        await page.evaluate("document.querySelector('#timeline').scrollIntoView()")
        await page.wait_for_timeout(300)
        _keep("phone-timeline", await page.screenshot())
        await page.goto("/decisions")
        await page.get_by_label("Evidence checked, I agree").check()
        await _settled(page)
        await page.evaluate("document.querySelector('form.decide').scrollIntoView({block: 'end'})")
        await page.evaluate("scrollBy(0, 70)")
        await page.wait_for_timeout(300)
        _keep("phone-decide", await page.screenshot())


async def _settled(page: Page) -> None:
    """Wait until what changed is not marked as fresh any more."""
    await page.wait_for_timeout(2000)


def _keep(name: str, picture: bytes) -> None:
    """Write a picture in few colours: it is text on a plain ground."""
    file = ASSETS / f"console-{name}.png"
    few = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    size = file.stat().st_size
    sys.stdout.write(f"wrote {file.relative_to(ROOT)}, {size / 1000:.0f} kB\n")
    if size > LARGEST:
        raise SystemExit(f"{file.name} is larger than {LARGEST} bytes")


if __name__ == "__main__":
    asyncio.run(take())
