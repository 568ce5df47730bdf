"""What somebody wrote with a decision is never lost, whatever keeps it from counting."""

import re

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from hemostat.console.doors import Console
from hemostat.console.routes import routes
from hemostat.desk.limits import Limit
from hemostat.incidents.live import Live
from schemas.canonical import digest_of
from schemas.errors import HemostatError
from schemas.incident import Approved
from schemas.who import Who
from tests.unit.api_stage import asking
from tests.unit.console_desk import ID, WHO, Desk
from tests.unit.test_console import DECISION, OneWord, client, form, no_temporal

GATE = f"/incidents/{ID}/gates/retrain"
WHY = "seen\nat <night>"
WRITTEN = form(reason="Not now", own_reason=WHY, choice="reject", role="commander")
WHERE_ASKED = (GATE, f"/incidents/{ID}", "/decisions")
OURS = {"sec-fetch-site": "same-origin"}


def is_kept(page: httpx2.Response) -> bool:
    """Whether all that was written is there, to be sent as it is."""
    area = "seen\nat &lt;night&gt;</textarea>" in page.text
    chosen = re.search(
        r'value="Not now" checked|name="reason"[^>]*>\nNot now</textarea>', page.text
    )
    return area and chosen is not None


@pytest.mark.parametrize(
    ("changes", "headers", "status", "says"),
    [
        ({"csrf": "of another session"}, OURS, 403, "You have signed in anew since."),
        ({"own_reason": f"{WHY}{'x' * 4001}"}, {}, 422, "The form is not complete"),
        ({"decision": "none"}, {}, 422, "load the page anew"),
    ],
)
async def test_what_cannot_be_taken_comes_back_as_it_was_written(
    changes: dict[str, str], headers: dict[str, str], status: int, says: str
) -> None:
    desk = Desk()
    async with client(desk) as http:
        page = await http.post(GATE, data=WRITTEN | changes, headers=headers)
    assert page.status_code == status
    assert says in page.text
    assert 'value="Not now" checked' in page.text
    assert "seen\nat &lt;night&gt;" in page.text
    assert not desk.decided


async def test_a_proof_that_grew_old_while_somebody_wrote_takes_no_word_from_them() -> None:
    desk, guard = Desk(), OneWord()
    guard.proof = "/step-up?next=/incidents"
    async with client(desk, guard=guard) as http:
        page = await http.post(GATE, data=WRITTEN)
    assert page.status_code == 403
    assert is_kept(page)
    assert "Your proof of who you are has grown old." in page.text
    assert 'target="_blank" rel="noopener">Prove it again' in page.text
    assert not desk.decided


async def test_what_was_asked_differently_meanwhile_is_said_beside_what_was_written() -> None:
    guard = OneWord()
    guard.proof = "/step-up?next=/incidents"
    async with client(Desk(), guard=guard) as http:
        same = await http.post(GATE, data=WRITTEN)
        other = await http.post(GATE, data=WRITTEN | {"digest": digest_of(2)})
    assert "What is asked has changed since you wrote" not in same.text
    assert "What is asked has changed since you wrote" in other.text
    assert digest_of(2) not in other.text


async def test_who_was_signed_out_while_deciding_gets_it_back_and_other_sites_get_nothing() -> None:
    async with client(Desk(), None) as http:
        away = await http.post(GATE, data=WRITTEN, headers=OURS)
        foreign = await http.post(GATE, data=WRITTEN)
    assert away.status_code == 401
    assert is_kept(away)
    assert 'name="csrf"' not in away.text
    assert f'href="/login?next={GATE}"' in away.text
    assert foreign.headers["location"] == f"/login?next={GATE}"


async def test_while_nobody_answers_a_decision_is_kept_under_its_key_to_try_again() -> None:
    desk = Desk()
    desk.broken = HemostatError("Temporal did not take it")
    async with client(desk) as http:
        page = await http.post(GATE, data=WRITTEN)
        foreign = await http.post(GATE, data=WRITTEN | {"csrf": "theirs"})
    assert page.status_code == 503
    assert is_kept(page)
    assert f"{DECISION}</textarea>" in page.text
    assert "seen" not in foreign.text


async def test_who_asks_too_much_at_once_loses_nothing_that_they_wrote() -> None:
    async def authenticate(request: Request) -> Who | None:
        return WHO

    desk, now = Desk(), [0.0]
    limit = Limit(0.5, 1, lambda: now[0])
    console = Console(desk, Live(no_temporal), authenticate, OneWord(), limit=limit)
    async with asking(Starlette(routes=routes(console))) as http:
        await http.get("/incidents")
        page = await http.post(GATE, data=WRITTEN)
        assert (page.status_code, page.headers["retry-after"]) == (429, "2")
        assert "Nothing was sent; ask again in 2 s." in page.text
        assert is_kept(page)
        now[0] = 2.0
        await http.post(GATE, data=WRITTEN)
    ((_, decision),) = desk.decided
    assert (decision.choice, decision.reason) == ("reject", WHY)


async def test_a_decision_about_what_is_asked_anew_is_offered_again_in_the_same_words() -> None:
    desk = Desk()
    async with client(desk) as http:
        taken = await http.post(GATE, data=WRITTEN | {"nonce": "an-old-one"})
        page = await http.get(taken.headers["location"])
    assert "Too late" in page.text
    assert "seen\nat &lt;night&gt;</textarea>" in page.text
    assert "What you wrote" not in page.text


async def test_who_was_woken_for_one_question_reads_on_its_page_what_was_alerted() -> None:
    async with client(Desk("<b>share of negatives up by 0.55</b>")) as http:
        for path in (GATE, f"/incidents/{ID}"):
            page = (await http.get(path)).text.partition("</h1>")[2]
            assert "&lt;b&gt;share of negatives up by 0.55&lt;/b&gt;" in page.partition("<h2")[0]


async def test_whose_approval_stands_is_asked_nothing_more_and_others_see_whose_it_is() -> None:
    desk = Desk()
    given = (Approved(person="ic-1", role="commander"),)
    gates = (desk.seen.gates[0].model_copy(update={"approved": given}),)
    desk.seen = desk.seen.model_copy(update={"gates": gates})
    async with client(desk) as http:
        page, incident, inbox = [(await http.get(path)).text for path in WHERE_ASKED]
    for text in (page, incident):
        assert "You have approved. It waits for ML lead." in text
        assert f'href="/incidents/{ID}/say/withdraw?gate=retrain"' in text
        assert '<form class="decide"' not in text
    assert "Asked of you" not in incident
    assert "Nothing waits for you." in inbox
    other = WHO.model_copy(update={"person": "ml-1", "roles": ("ml-lead",)})
    async with client(desk, other) as http:
        page, incident, inbox = [(await http.get(path)).text for path in WHERE_ASKED]
    for text in (page, incident, inbox):
        assert "1 of 2: ic-1 (commander)" in text
        assert "It is done at once, exactly as shown." in text
        assert '<form class="decide"' in text
    assert re.search(r"<dt>Waits for</dt><dd>ML lead</dd>", incident)


async def test_who_approved_and_then_broke_the_glass_may_go_on_alone() -> None:
    desk = Desk()
    changes = {"approved": (Approved(person="ic-1", role="commander"),), "glass": ("ic-1",)}
    gates = (desk.seen.gates[0].model_copy(update=changes),)
    desk.seen = desk.seen.model_copy(update={"gates": gates})
    async with client(desk) as http:
        page = (await http.get(GATE)).text
    assert 'name="role" value="break-glass"' in page
