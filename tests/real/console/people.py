"""People at their browsers: each signs in in a context of their own."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page

from tests.real.console.stage import PASSWORD, Served

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


async def _signed_in(browser: Browser, console: Served, person: str) -> Any:
    """The cookies of *person*, who signs in once, at the page for it."""
    if person not in console.sessions:
        context = await browser.new_context(base_url=console.url)
        page = await context.new_page()
        await page.goto("/incidents")
        await page.get_by_label("Account").fill(person)
        await page.get_by_label(re.compile("^Password")).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.wait_for_url("**/incidents")
        console.sessions[person] = await context.storage_state()
        await context.close()
    return console.sessions[person]
