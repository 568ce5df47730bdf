"""People at their browsers: each signs in in a context of their own."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.real.console.stage import PASSWORD, Served

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}
VIOLATIONS = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));"


@asynccontextmanager
async def at_the_console(
    browser: Browser, console: Served, person: str | None, **options: Any
) -> AsyncIterator[Page]:
    """A page on which *person* is signed in; violations of its policy are counted."""
    if person is not None:
        options = {**options, "storage_state": await _signed_in(browser, console, person)}
    context = await browser.new_context(base_url=console.url, **options)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    if options.get("java_script_enabled", True):
        await page.add_init_script(VIOLATIONS)
    try:
        yield page
    finally:
        await context.close()


async def finds_nothing_wrong(page: Page, where: str) -> None:
    """Axe finds nothing, nothing sticks out of the page, and its policy was not violated."""
    found = await Axe().run(page)
    told = [
        (v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found.response["violations"]
    ]
    assert not told, (where, told)
    width = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], where
    assert await page.evaluate("violations") == [], where


async def sign_in(page: Page, person: str) -> None:
    """Sign in, on the page for it."""
    await page.get_by_label("Account").fill(person)
    await page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def _signed_in(browser: Browser, console: Served, person: str) -> Any:
    """The cookies of *person*, who signs in once, at the page for it."""
    if person not in console.sessions:
        context = await browser.new_context(base_url=console.url)
        page = await context.new_page()
        await page.goto("/incidents")
        await sign_in(page, person)
        await page.wait_for_url("**/incidents")
        console.sessions[person] = await context.storage_state()
        await context.close()
    return console.sessions[person]
