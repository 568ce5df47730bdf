"""People at their browsers: each signs in in a context of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page

from tests.real.console.stage import COOKIE, Served

VIOLATIONS = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));"


@asynccontextmanager
async def at_the_console(
    browser: Browser, console: Served, person: str | None, **options: Any
) -> AsyncIterator[Page]:
    """A page on which *person* is signed in; violations of its policy are counted."""
    context = await browser.new_context(base_url=console.url, **options)
    if person is not None:
        await context.add_cookies([{"name": COOKIE, "value": person, "url": console.url}])
    page = await context.new_page()
    page.set_default_timeout(15_000)
    if options.get("java_script_enabled", True):
        await page.add_init_script(VIOLATIONS)
    try:
        yield page
    finally:
        await context.close()
