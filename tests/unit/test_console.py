"""The pages of the console: what they show, to whom, and that nothing from outside is markup."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from hemostat.console.book import Book
from hemostat.console.doors import Console, Guard, local
from hemostat.console.pages import CSP, static_path
from hemostat.console.papers import Papers
from hemostat.console.routes import routes
from hemostat.console.words import seen, span
from hemostat.desk.answers import unseen
from hemostat.desk.said import Answer, Said
from hemostat.incidents.asking import AnswersLate
from hemostat.incidents.live import Live
from schemas.errors import HemostatError
from schemas.who import Who
from tests.nasty import NASTY
from tests.unit.console_desk import ID, NONCE, WHO, Desk

DECISION = "11111111-2222-4333-8444-555555555555"
PAGES = ("/incidents", f"/incidents/{ID}", "/decisions", "/decisions?after=x",
         f"/incidents/{ID}/gates/retrain", f"/incidents/{ID}/say/draft", "/playbooks", "/readiness", "/drills")  # fmt: skip


class OneWord:
    """Every form carries the same word; a fresh proof is asked for when told so."""

    proof: str | None = None

    def token(self, request: Request) -> str:
        return "ours"

    async def refuses(self, request: Request, token: str) -> bool:
        return token != "ours"

    def step_up(self, request: Request, who: Who, back: str) -> str | None:
        return self.proof


async def no_temporal() -> Any:
    raise HemostatError("no Temporal here")


def client(
    desk: Desk,
    who: Who | None = WHO,
    guard: Guard | None = None,
    papers: Papers | None = None,
) -> httpx2.AsyncClient:
    async def authenticate(request: Request) -> Who | None:
        return who

    async def findings() -> tuple[list[HemostatError], list[str]]:
        return [HemostatError(desk.text, where=desk.text, next_step=desk.text)], [desk.text]

    book = Book(id=desk.text, title=desk.text, summary=desk.text, atlas=(desk.text,))
    console = Console(
        desk,
        Live(no_temporal),
        authenticate,
        guard or OneWord(),
        (book,),
        findings,
        None,
        people=frozenset({"ic-1", "o-1"}),
        papers=papers,
    )
    transport = httpx2.ASGITransport(app=Starlette(routes=routes(console)))
    return httpx2.AsyncClient(transport=transport, base_url="http://console")


class Shape(HTMLParser):
    """The elements of a page and the names of their attributes, in order; its texts beside."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
async def test_whatever_an_attacker_wrote_a_page_has_the_same_elements(
    path: str, text: str
) -> None:
    async with client(Desk("harmless")) as plain, client(Desk(text)) as attacked:
        expected, page = await plain.get(path), await attacked.get(path)
    assert page.status_code == expected.status_code == 200, page.text[:500]
    shape = Shape(page.text)
    assert shape.elements == Shape(expected.text).elements
    for name, value in shape.values:
        assert not name.startswith("on"), (name, value)
        assert name != "style"
        if name in ("href", "src", "action"):
            assert value.startswith(("/", "#", "?")), (name, value)
            assert not value.startswith("//")
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\x00-\x08\x1b]", page.text)


async def test_a_direction_override_in_what_is_approved_is_shown_as_what_it_is() -> None:
    async with client(Desk("invoice\u202etxt.exe")) as http:
        page = await http.get(f"/incidents/{ID}/gates/retrain")
    assert "invoice⟨U+202E⟩txt.exe" in page.text


def test_half_a_character_is_shown_as_its_code_and_breaks_no_page() -> None:
    assert seen("a\ud800b").encode() == "a⟨U+D800⟩b".encode()


def test_a_value_is_shortened_only_where_it_says_so() -> None:
    assert seen("a" * 20_000) == "a" * 20_000
    assert seen("a" * 20_001).endswith("… (1 more characters)")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.42, "420 ms"), (12.34, "12.3 s"), (59.97, "1 min 00 s"), (245, "4 min 05 s"),
     (11_520, "3 h 12 min"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_reads_anything_without_signing_in(path: str) -> None:
    desk = Desk()
    async with client(desk, who=None) as http:
        page = await http.get(path)
        script = await http.get(path, headers={"sec-fetch-dest": "empty"})
    assert page.status_code == 303
    assert page.headers["location"].startswith("/login?next=/")
    assert script.status_code == 401, "a script of an open page begins no sign-in"
    assert not desk.asked_for


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_is_framed_or_kept_or_runs_what_is_not_ours(path: str) -> None:
    async with client(Desk()) as http:
        page = await http.get(path)
    assert page.headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.findall(r"(?:src|href|action)=\"(?:https?:)?//", page.text)


async def test_a_script_finds_what_it_imports_beside_it() -> None:
    async with client(Desk(), who=None) as http:
        found = (await http.get(static_path("console.js"))).text
        imported = re.findall(r'^import .* from "\./([a-z]+\.js)";$', found, re.MULTILINE)
        assert set(imported) == {"live.js", "page.js"}
        for name in imported:
            beside = static_path("console.js").replace("console.js", name)
            assert (await http.get(beside)).status_code == 200


async def test_a_static_file_is_kept_for_good_under_an_address_of_its_content() -> None:
    async with client(Desk(), who=None) as http:
        found = await http.get(static_path("console.css"))
        assert "immutable" in found.headers["cache-control"]
        for path in (
            "/static/0000/console.css",
            "/static/../console.css",
            "/static/x/..%2fpages.py",
        ):
            assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "evil",
     "/\t/evil.example", "/a\r\nSet-Cookie: x=1"],
)  # fmt: skip
async def test_a_form_never_leads_off_this_server(path: str) -> None:
    assert local(path) == "/incidents"
    async with client(Desk()) as http:
        answer = await http.post("/theme", data={"back": path, "theme": "dark"})
    assert answer.headers["location"] == "/incidents"


async def test_a_theme_is_one_of_two_words() -> None:
    async with client(Desk()) as http:
        dark = await http.post("/theme", data={"back": "/incidents", "theme": "dark"})
        other = await http.post("/theme", data={"back": "/incidents", "theme": '"><script>'})
        assert "hemostat-theme=dark" in dark.headers["set-cookie"]
        assert "set-cookie" not in other.headers
        page = await http.get("/incidents", headers={"cookie": 'hemostat-theme="><script>'})
    assert '<html lang="en">' in page.text


def form(**changes: str) -> dict[str, str]:
    """A decision as the page sends it."""
    desk = Desk()
    sent = {"csrf": "ours", "nonce": NONCE, "digest": desk.seen.gates[0].digest, "role": "commander",
            "decision": DECISION, "reason": "Evidence checked, I agree", "choice": "approve"}  # fmt: skip
    return sent | changes


async def decide(
    desk: Desk, sent: dict[str, str], who: Who = WHO, guard: Guard | None = None
) -> httpx2.Response:
    async with client(desk, who, guard) as http:
        taken = await http.post(f"/incidents/{ID}/gates/retrain", data=sent)
        if taken.status_code != 303 or not taken.headers["location"].startswith("/incidents"):
            return taken
        return await http.get(taken.headers["location"])


async def test_a_decision_is_bound_to_what_the_page_showed_and_the_person_who_is_signed_in() -> (
    None
):
    desk = Desk()
    page = await decide(desk, form(actor="somebody-else"))
    assert "Approved. It is recorded." in page.text
    ((person, decision),) = desk.decided
    assert (person, decision.nonce) == ("ic-1", NONCE)
    assert decision.digest == desk.seen.gates[0].digest


class Late(Desk):
    """Takes what is said, and does not answer for it; then nothing else is answered either."""

    async def say(self, who: Who, incident: str, said: Said, key: str) -> Answer:
        self.broken = AnswersLate("it was not answered in time")
        return unseen(key)


async def test_a_decision_whose_answer_is_late_is_said_to_be_handed_over_and_where_to_look() -> (
    None
):
    page = await decide(Late(), form())
    assert page.status_code == 202
    assert "It was handed over and is safe" in page.text
    assert f'href="/incidents/{ID}/gates/retrain?decided=' in page.text
    assert "worker" not in page.text


async def test_a_decision_for_an_earlier_asking_is_answered_in_words() -> None:
    page = await decide(Desk(), form(nonce="an-old-one"))
    assert "Too late: what you answered is not asked any more." in page.text


async def test_own_words_come_before_a_ready_made_reason() -> None:
    desk = Desk()
    await decide(desk, form(own_reason="  the numbers are back to normal "))
    assert desk.decided[0][1].reason == "the numbers are back to normal"


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"csrf": "theirs"}, 403), ({"csrf": ""}, 403), ({"reason": " "}, 422),
     ({"decision": "../../x"}, 422), ({"choice": "maybe"}, 422), ({"digest": "x"}, 422),
     ({"role": "Commander\r\n"}, 422), ({"own_reason": "x" * 4001}, 422)],
)  # fmt: skip
async def test_a_form_that_is_not_whole_or_not_ours_decides_nothing(
    changes: dict[str, str], status: int
) -> None:
    desk = Desk()
    assert (await decide(desk, form(**changes))).status_code == status
    assert not desk.decided


@pytest.mark.parametrize("kind", ["auditor", "service"])
async def test_who_is_no_person_reads_and_never_decides(kind: str) -> None:
    desk = Desk()
    who = WHO.model_copy(update={"kind": kind})
    assert (await decide(desk, form(), who)).status_code == 403
    assert not desk.decided
    async with client(desk, who) as http:
        assert '<form class="decide"' not in (await http.get("/decisions?after=x")).text


async def test_what_destroys_asks_for_a_fresh_proof_before_anything_is_written() -> None:
    guard = OneWord()
    guard.proof = "/step-up?next=/incidents"
    for path in (f"/incidents/{ID}/gates/retrain", f"/incidents/{ID}", "/decisions"):
        async with client(Desk(), guard=guard) as http:
            page = await http.get(path)
        assert "prove first that it is you" in page.text
        assert f'href="{guard.proof}"' in page.text
        assert '<button class="approve" name="choice"' not in page.text.split('class="offers"')[0]


async def test_a_question_of_another_role_is_shown_and_is_not_theirs() -> None:
    other = WHO.model_copy(update={"person": "dpo-1", "roles": ("dpo",)})
    async with client(Desk(), other) as http:
        page = await http.get(f"/incidents/{ID}/gates/retrain")
        mine = await http.get("/decisions")
    assert "Not yours to decide" in page.text
    assert "Nothing waits for you." in mine.text


async def test_who_broke_the_glass_is_offered_to_decide_in_that_role_and_nobody_else_is() -> None:
    desk = Desk()
    gates = (desk.seen.gates[0].model_copy(update={"glass": ("ml-1",)}),)
    desk.seen = desk.seen.model_copy(update={"gates": gates})
    for person, alone in (("ml-1", True), ("ml-2", False)):
        who = WHO.model_copy(update={"person": person, "roles": ("ml-secondary",)})
        async with client(desk, who) as http:
            page = await http.get(f"/incidents/{ID}/gates/retrain")
            inbox = await http.get("/decisions")
        assert ('name="role" value="break-glass"' in page.text) is alone
        assert ("Retrain?" in inbox.text) is alone


async def test_where_only_an_own_key_counts_the_page_says_how_and_has_no_form() -> None:
    desk = Desk()
    asks = desk.seen.gates[0]
    policy = asks.policy.model_copy(update={"own_key": True})
    gates = (asks.model_copy(update={"policy": policy}),)
    desk.seen = desk.seen.model_copy(update={"gates": gates})
    async with client(desk) as http:
        page = await http.get(f"/incidents/{ID}/gates/retrain")
    assert "only with your own key" in page.text
    assert f"hemostat decide {ID} retrain approve --as ic-1 --key FILE" in page.text
    assert '<form class="decide"' not in page.text


async def test_what_another_person_decided_is_not_told_as_ones_own() -> None:
    desk = Desk()
    await decide(desk, form())
    other = WHO.model_copy(update={"person": "ic-2"})
    async with client(desk, other) as http:
        page = await http.get(f"/incidents/{ID}/gates/retrain?decided={DECISION}")
    assert "It is recorded" not in page.text


@pytest.mark.parametrize(
    ("path", "status"),
    [("/incidents/nope", 404), ("/incidents/nope/gates/retrain", 404),
     ("/incidents/nope/events", 404), (f"/incidents/{ID}?before=nine", 200),
     (f"/incidents/{ID}?time=never&entries=none", 200), ("/incidents?severity=x", 200)],
)  # fmt: skip
async def test_an_address_that_means_nothing_is_answered_in_words(path: str, status: int) -> None:
    async with client(Desk()) as http:
        assert (await http.get(path)).status_code == status


async def test_filters_are_links_and_their_words_are_ours() -> None:
    desk = Desk()
    query = urlencode({"severity": "SEV-1", "state": "open", "containment": "' OR 1=1"})
    async with client(desk) as http:
        page = await http.get(f"/incidents?{query}")
    (wanted,) = desk.asked_for
    assert (wanted.open, wanted.severity, wanted.containment) == (True, "SEV-1", None)
    assert 'href="/incidents?state=open&amp;severity=SEV-2"' in page.text


async def test_while_temporal_is_down_a_page_says_so() -> None:
    desk = Desk()
    desk.broken = HemostatError("Temporal refused to answer", next_step="see `hemostat check`.")
    async with client(desk) as http:
        page = await http.get("/incidents")
    assert page.status_code == 503
    assert "Temporal refused to answer" in page.text
