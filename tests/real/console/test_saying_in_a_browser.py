"""Each form for what people say besides deciding: filled in wrong, mended, sent, and its effect seen."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from hemostat.keys import gateway_key
from schemas.base import iso
from schemas.incident import Service
from tests.real.console.people import PHONE, at_the_console, finds_nothing_wrong, sign_in
from tests.real.console.stage import Served
from tests.real.console.test_console_in_a_browser import answer, to_the_quorum
from tests.workflows.case import Case, alert
from tests.workflows.conftest import working
from tests.workflows.exfiltration_world import ExfiltrationWorld, assistant_service, canary
from tests.workflows.roster import roster
from tests.workflows.voice import Voice
from tests.workflows.world import World

pytestmark = [pytest.mark.real, pytest.mark.temporal]

WHY = "the night shift saw it\nand so did <b>its</b> lead"
RESCORE = "rescore-decisions"
ISOLATE = "Isolate the feedback endpoint"


async def beside(page: Page, field: str, says: str) -> None:
    """What is wrong stands beside *field*, which has the focus, and nothing was sent."""
    told = page.locator(f"#e-{field}")
    await expect(told).to_contain_text(says)
    await expect(page.locator(f"#f-{field}")).to_have_attribute("aria-invalid", "true")
    above = await told.bounding_box()
    itself = await page.locator(f"#f-{field}").bounding_box()
    assert above is not None
    assert itself is not None
    assert 0 <= itself["y"] - (above["y"] + above["height"]) < 30, "it stands right above its field"


async def recorded(page: Page, what: str) -> None:
    """The page says that it is in the record."""
    await expect(page.locator("#became")).to_contain_text(f"Recorded: {what}")
    await expect(page.locator("#became")).to_contain_text("It stands in the record")


async def to_the_form(page: Page, incident: str, name: str) -> None:
    """From the incident's page to one form, as a person goes."""
    await page.goto(f"/incidents/{incident}")
    await page.get_by_text("Say something else to it").click()
    await page.get_by_role("link", name=name, exact=True).click()
    await expect(page.locator("h1")).to_have_text(name)


@pytest.fixture(scope="module")
async def asked(console: Served, browser: Browser) -> str:
    """An incident that asks two people for something grave."""
    return await to_the_quorum(console, browser)


@asynccontextmanager
async def opened(
    console: Served, world: World, playbook: str, of: Service, told: object
) -> AsyncIterator[Case]:
    """An incident in a world of its own, which hears whom the console's gateway signs for."""
    key = gateway_key(console.settings)
    assert key is not None
    async with working(console.client, world) as queue:
        yield await Case.open(
            console.client,
            queue,
            told,  # type: ignore[arg-type] # an alert, as each playbook's own tests make it
            playbook=playbook,
            of=of,
            voice=Voice(key=key),
        )


async def test_what_became_known_raises_the_severity_and_saying_nothing_is_told_where_to_begin(
    console: Served, browser: Browser, asked: str
) -> None:
    async with at_the_console(browser, console, "c1") as page:
        await to_the_form(page, asked, "Say what became known, or set the severity")
        await page.get_by_label("Why, for the record").fill(WHY)
        await page.get_by_role("button", name="Say it").click()
        await beside(page, "severity", "Nothing is said")
        await expect(page.get_by_label("Why, for the record")).to_have_value(WHY)
        await finds_nothing_wrong(page, "an error beside a field")
        await page.get_by_label("Protected data out").select_option("yes")
        await page.get_by_label("Impact: people").fill("some 40")
        await page.get_by_role("button", name="Say it").click()
        await recorded(page, "")
        await page.get_by_role("link", name="The incident").click()
        await expect(page.locator("h1 .sev")).to_have_text("SEV-1")
        entry = page.locator(".journal li", has_text="the night shift saw it").first
        await expect(entry.locator(".told")).to_contain_text("and so did <b>its</b> lead")
        await expect(page.locator("main")).not_to_contain_text("U+000D")


async def test_an_approval_is_taken_back_and_counts_no_more(
    console: Served, browser: Browser, asked: str
) -> None:
    async with at_the_console(browser, console, "m1") as page:
        await answer(page, asked, RESCORE)
        await page.goto(f"/incidents/{asked}")
        await expect(page.locator(f"#gate-{RESCORE}")).to_contain_text("1 of 2")
        await to_the_form(page, asked, "Take back an approval of yours")
        assert await page.locator("#f-gate option").all_inner_texts() == ["rescore decisions"]
        await page.get_by_label("Why, for the record").fill("   ")
        await page.get_by_role("button", name="Take it back").click()
        await beside(page, "reason", "Say why: it becomes part of the record.")
        await page.get_by_label("Why, for the record").fill(WHY)
        await page.get_by_role("button", name="Take it back").click()
        await recorded(page, f"An approval at gate {RESCORE} was taken back")
        await expect(page.locator("form.say")).to_have_count(0)
        await page.goto(f"/incidents/{asked}")
        await expect(page.locator(f"#gate-{RESCORE}")).to_contain_text("0 of 2")


async def test_on_a_phone_the_glass_is_broken_and_one_person_may_decide_alone(
    console: Served, browser: Browser, asked: str
) -> None:
    async with at_the_console(browser, console, "o2", **PHONE) as page:
        await page.goto(f"/incidents/{asked}")
        await expect(page.locator(f"#gate-{RESCORE} .not-mine")).to_be_visible()
        await to_the_form(page, asked, "Break the glass")
        await page.get_by_label("At which question").select_option(
            label="rescore decisions: Score the affected decisions again?"
        )
        await page.get_by_label("Why, for the record").fill("\n ")
        await page.get_by_role("button", name="Break the glass").tap()
        await beside(page, "reason", "Say why")
        chosen = page.locator("#f-asked option:checked")
        await expect(chosen).to_contain_text("rescore decisions")
        await finds_nothing_wrong(page, "breaking the glass on a phone")
        await page.get_by_label("Why, for the record").fill(WHY)
        await page.get_by_role("button", name="Break the glass").tap()
        await recorded(page, f"The glass was broken at gate {RESCORE}")
        await page.goto(f"/incidents/{asked}")
        await expect(page.locator(f"#gate-{RESCORE} form.decide")).to_contain_text("As break glass")
        await page.get_by_label("Harm is ongoing, act now").check()
        await page.get_by_role("button", name="Approve").tap()
        await expect(page.locator("#became")).to_contain_text("Approved. It is recorded.")


async def test_whose_session_ended_while_they_wrote_goes_on_with_what_they_wrote(
    console: Served, browser: Browser, asked: str
) -> None:
    async with at_the_console(browser, console, "d1") as page:
        await page.goto(f"/incidents/{asked}/say/grade")
        await page.get_by_label("Impact: money").fill("not yet")
        await page.get_by_label("Why, for the record").fill(WHY)
        await page.context.clear_cookies()
        await page.get_by_role("button", name="Say it").click()
        await expect(page.locator("h1")).to_have_text("Your session has ended")
        await expect(page.locator("pre").last).to_have_text(WHY)
        assert not await page.locator("textarea:visible").count(), "what is sent again is not shown"
        await finds_nothing_wrong(page, "signed out")
        async with page.expect_popup() as opening:
            await page.get_by_role("link", name="Sign in in another tab").click()
        tab = await opening.value
        await sign_in(tab, "d1")
        await tab.wait_for_url("**/say/grade")
        await tab.close()
        await page.get_by_role("button", name="I have signed in").click()
        await expect(page.get_by_role("alert")).to_contain_text("You have signed in anew")
        await expect(page.get_by_label("Impact: money")).to_have_value("not yet")
        await expect(page.get_by_label("Why, for the record")).to_have_value(WHY)
        await page.get_by_role("button", name="Say it").click()
        await recorded(page, "")


async def test_a_person_is_excluded_by_their_exact_id_and_sees_nothing_of_it_any_more(
    console: Served, browser: Browser, asked: str
) -> None:
    async with (
        at_the_console(browser, console, "l1") as counsel,
        at_the_console(browser, console, "e1") as suspect,
    ):
        assert (await suspect.request.get(f"/incidents/{asked}")).status == 200
        await to_the_form(counsel, asked, "Exclude a person")
        await counsel.get_by_label("Who, by their id").fill("el")
        await counsel.get_by_label("Why, for the record").fill(WHY)
        await counsel.get_by_role("button", name="Exclude them for good").click()
        await beside(counsel, "person", "hemostat.toml has nobody of this id")
        await expect(counsel.get_by_label("Who, by their id")).to_have_value("el")
        await expect(counsel.get_by_label("Why, for the record")).to_have_value(WHY)
        assert (await suspect.request.get(f"/incidents/{asked}")).status == 200
        await counsel.get_by_label("Who, by their id").fill("e1")
        await counsel.get_by_role("button", name="Exclude them for good").click()
        await recorded(counsel, "counsel excluded someone")
        assert (await suspect.request.get(f"/incidents/{asked}")).status == 404


async def test_what_was_done_by_hand_is_said_and_then_proven_like_any_other(
    console: Served, browser: Browser
) -> None:
    world = World(refuse={"isolate_endpoint"})
    of = console.settings.service("sentiment-api")
    async with (
        opened(console, world, "feedback-poisoning", of, alert()) as case,
        at_the_console(browser, console, "o1") as page,
    ):
        await case.gate("retry-isolate-the-feedback-endpoint")
        world.isolated["feedback"], world.paused = 0, True
        await to_the_form(page, case.handle.id, "Say that a step was done by hand")
        await page.get_by_label("Which step").select_option(label=ISOLATE)
        await page.get_by_label("What shows it").fill("the ticket says so")
        await page.get_by_label("Why, for the record").fill(WHY)
        await page.get_by_role("button", name="It was done").click()
        await beside(page, "evidence", "Each is sha256: and 64 characters")
        await expect(page.get_by_label("What shows it")).to_have_value("the ticket says so")
        await expect(page.get_by_label("Why, for the record")).to_have_value(WHY)
        await page.get_by_label("What shows it").fill(f"sha256:{'a' * 64}\nsha256:{'b' * 64}")
        await page.get_by_role("button", name="It was done").click()
        await recorded(page, "ml-on-call attests that it was done outside")
        await page.get_by_role("link", name="The incident").click()
        step = page.locator(".step", has_text=ISOLATE)
        await expect(step.locator(".pill")).to_have_text("proven")
        assert not world.effects["isolate"]


async def test_counsel_determines_a_clock_without_scripts_and_writes_the_filing_anew(
    console: Served, browser: Browser
) -> None:
    of = assistant_service(regimes=("gdpr-33",), roster=roster())
    told = canary(received_at=datetime.now(UTC))
    async with opened(console, ExfiltrationWorld(), "assistant-exfiltration", of, told) as case:
        incident = case.handle.id
        async with at_the_console(browser, console, "l1", java_script_enabled=False) as page:
            await to_the_form(page, incident, "Determine a legal clock")
            await determines(page, "applicability", "yes")
            await beside(page, "value", "Write applies, or not-applicable.")
            await expect(page.get_by_label("Why, for the record")).to_have_value(WHY)
            await expect(page.locator("#f-clock")).to_have_value("gdpr-33")
            await page.get_by_label("Value").fill("applies")
            await page.get_by_role("button", name="Determine it").click()
            await recorded(page, "")
            await determines(page, "anchor", iso(datetime.now(UTC)))
            await expect(page.locator("#became")).to_contain_text("What you wrote is still here")
            await beside(page, "what", "Nothing of the kind moves this clock.")
            await expect(page.get_by_label("Why, for the record")).to_have_value(WHY)
            await determines(page, "awareness", iso(datetime.now(UTC)))
            await recorded(page, "")
            await page.get_by_role("link", name="The incident").click()
            row = page.locator("#clocks tr", has=page.get_by_text("gdpr-33", exact=True))
            await expect(row).to_contain_text("running")
        await case.gate("file-gdpr-33")
        async with at_the_console(browser, console, "l1") as page:
            await drafts(page, incident)


async def determines(page: Page, what: str, value: str) -> None:
    """Fill in the form for a legal clock, and send it."""
    await page.get_by_label("Which clock").select_option("gdpr-33")
    await page.locator("#f-what").select_option(what)
    await page.get_by_label("Value").fill(value)
    await page.get_by_label("Why, for the record").fill(WHY)
    await page.get_by_role("button", name="Determine it").click()


async def drafts(page: Page, incident: str) -> None:
    """Counsel puts another text forward, which is asked about from then on."""
    await to_the_form(page, incident, "Write a text anew")
    text = page.get_by_label("The whole text")
    await expect(text).to_have_value(re.compile("Initial|initial|notification"))
    await page.get_by_label("For which question").select_option("file-gdpr-33")
    await text.fill("  \n")
    await page.get_by_label("Why, for the record").fill(WHY)
    await page.get_by_role("button", name="Put this text forward").click()
    await beside(page, "text", "Write the whole text.")
    await expect(page.get_by_label("Why, for the record")).to_have_value(WHY)
    better = "To the authority,\n\n  one more thing is known.\nन्‍या <script>"
    await text.fill(better)
    await page.get_by_label("Why, for the record").fill(" \n ")
    await page.get_by_role("button", name="Put this text forward").click()
    await beside(page, "reason", "Say why")
    await expect(text).to_have_value(better)
    await page.get_by_label("Why, for the record").fill(WHY)
    await page.get_by_role("button", name="Put this text forward").click()
    await recorded(page, "counsel wrote a new draft")
    await page.get_by_role("link", name="The incident").click()
    await expect(page.locator("#gate-file-gdpr-33 .exact")).to_contain_text(
        "one more thing is known."
    )
