"""Attacks on the console, each named, each tried in a real browser."""

import asyncio

import pytest
from playwright.async_api import Browser, Dialog, Request, Route, expect

from tests.nasty import NASTY
from tests.real.console.people import at_the_console
from tests.real.console.stage import Served

pytestmark = [pytest.mark.real, pytest.mark.temporal]

PRINTABLE = [text for text in NASTY if "\x00" not in text]


async def test_stored_script_in_every_field_of_an_alert_and_a_reason_runs_nowhere(
    console: Served, browser: Browser
) -> None:
    nasty = {f"field_{number}": text for number, text in enumerate(PRINTABLE)}
    incident = await console.alert(labels=nasty, summary=PRINTABLE[0], **nasty)
    await console.gate_opens(incident, "acknowledge")
    dialogs: list[Dialog] = []
    async with at_the_console(browser, console, "o1") as page:

        def opened(dialog: Dialog) -> None:
            dialogs.append(dialog)

        page.on("dialog", opened)
        await page.goto(f"/incidents/{incident}/gates/acknowledge")
        await page.locator("textarea").fill("\n".join(PRINTABLE[:12]))
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("#became")).to_contain_text("Approved")
        for path in ("/incidents", f"/incidents/{incident}", "/decisions"):
            await page.goto(path)
            await page.wait_for_timeout(200)
            assert "owned" not in await page.title()
            assert await page.evaluate("violations") == []
            assert await page.locator("main img, main script, main iframe").count() == 0
            assert await page.locator("[onclick], [onerror], [onload], [onfocus]").count() == 0
    assert not dialogs


async def test_a_page_that_finds_no_place_to_watch_from_goes_on_by_asking_now_and_then(
    console: Served, browser: Browser
) -> None:
    incident, asked = await console.alert(), asyncio.Event()

    async def no_place(route: Route) -> None:
        await route.fulfill(status=429, headers={"Retry-After": "15"})

    def requested(request: Request) -> None:
        if "x-unattended" in request.headers and request.url.endswith(incident):
            asked.set()

    async with at_the_console(browser, console, "o1") as page:
        await page.clock.install()
        await page.route("**/events", no_place)
        page.on("request", requested)
        await page.goto(f"/incidents/{incident}")
        async with asyncio.timeout(60):
            while not asked.is_set():
                await page.clock.fast_forward(31_000)
                await asyncio.sleep(0.1)


async def test_reflected_script_in_every_part_of_an_address_runs_nowhere(
    console: Served, browser: Browser
) -> None:
    attack = "%22%3E%3Cscript%3Edocument.title='owned'%3C/script%3E"
    incident = await console.alert()
    await console.gate_opens(incident, "acknowledge")
    async with at_the_console(browser, console, "o1") as page:
        for path in (
            f"/incidents?severity={attack}&after={attack}",
            f"/incidents/{attack}",
            f"/incidents/{incident}?time={attack}&entries={attack}&before={attack}&run={attack}",
            f"/incidents/{incident}/gates/{attack}",
            f"/incidents/{incident}/gates/acknowledge?decided={attack}",
            f"/decisions?after={attack}",
            f"/{attack}",
        ):
            await page.goto(path)
            await page.wait_for_timeout(50)
            assert "owned" not in await page.title(), path
            assert await page.evaluate("violations") == [], path


async def test_injected_markup_finds_a_policy_that_runs_nothing(
    console: Served, browser: Browser
) -> None:
    """Had an injection got through: neither its script, nor its style, nor its image is taken."""
    async with at_the_console(browser, console, "o1") as page:
        await page.goto("/incidents")
        await page.evaluate(
            """() => {
                const script = document.createElement("script");
                try { script.textContent = "document.title = 'owned'"; document.body.append(script); } catch {}
                try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=alert(1)>"); } catch {}
                const image = new Image(); image.src = "https://evil.example/leak"; document.body.append(image);
                const style = document.createElement("style"); style.textContent = "body{display:none}"; document.head.append(style);
            }"""
        )
        for kind in ("img-src", "require-trusted-types-for", "style-src"):
            await page.wait_for_function(f"violations.some(one => one.includes('{kind}'))")
        assert "owned" not in await page.title()
        await expect(page.locator("h1")).to_be_visible()


async def test_clickjacking_another_site_cannot_frame_a_question(
    console: Served, browser: Browser
) -> None:
    incident = await console.alert()
    await console.gate_opens(incident, "acknowledge")
    async with at_the_console(browser, console, "o1") as page:
        framed = f"{console.url}/incidents/{incident}/gates/acknowledge"
        await page.set_content(f"<iframe src='{framed}' width=800 height=600></iframe>")
        await page.wait_for_timeout(500)
        inner = page.frames[1]
        assert inner.url.startswith("chrome-error:") or not await inner.locator("form").count()


async def test_a_form_of_another_site_decides_nothing(console: Served, browser: Browser) -> None:
    incident = await console.alert()
    seen = await console.gate_opens(incident, "acknowledge")
    gate = next(g for g in seen.gates if g.policy.id == "acknowledge")
    async with at_the_console(browser, console, "o1") as page:
        fields = {
            "nonce": gate.nonce,
            "digest": gate.digest,
            "role": "ml-on-call",
            "decision": "11111111-2222-4333-8444-555555555555",
            "reason": "forged",
            "choice": "approve",
        }
        inputs = "".join(f"<input name='{k}' value='{v}'>" for k, v in fields.items())
        action = f"{console.url}/incidents/{incident}/gates/acknowledge"
        await page.set_content(
            f"<form method=post action='{action}'>{inputs}<button>Go</button></form>"
        )
        await page.get_by_role("button", name="Go").click()
        await page.wait_for_load_state()
    now = await console.gate_opens(incident, "acknowledge")
    assert any(g.nonce == gate.nonce and g.approvals == 0 for g in now.gates)


async def test_nothing_is_shown_to_who_is_not_signed_in(console: Served, browser: Browser) -> None:
    incident = await console.alert()
    async with at_the_console(browser, console, None) as page:
        for path in ("/incidents", f"/incidents/{incident}", f"/incidents/{incident}/events"):
            answer = await page.request.get(path, max_redirects=0)
            assert answer.status == 303
            assert answer.headers["location"].startswith("/login?next=")
            assert answer.headers["cache-control"] == "no-store"
