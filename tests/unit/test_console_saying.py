"""What people say besides deciding, from the console's forms: theirs alone, and nothing lost."""

import html
import re
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from hemostat.console.forms import FORMS
from hemostat.desk.answers import answer_to, nothing_new
from hemostat.desk.messages import SIGNALS
from hemostat.desk.said import (
    Answer,
    Attest,
    BreakGlass,
    Decide,
    Determine,
    Grade,
    Redraft,
    Said,
)
from schemas.clocks.catalogue import catalogue
from schemas.clocks.view import ClocksView
from schemas.errors import HemostatError
from schemas.journal import Journal, Kind
from schemas.step import StepState
from schemas.who import Who
from tests.unit.console_desk import BEGAN, ID, NONCE, WHO, Desk
from tests.unit.test_console import DECISION, OneWord, client

COUNSEL = WHO.model_copy(update={"person": "counsel-1", "roles": ("counsel",)})
PAGE = f"/incidents/{ID}/say"
CLOCK: Any = SimpleNamespace(id="gdpr-33", definition=catalogue().clock("gdpr-33"))


def sent(**fields: str) -> dict[str, str]:
    """A form as its page sends it."""
    return {"csrf": "ours", "decision": DECISION, "reason": "the regulator asked for it"} | fields


class CanBeSaid(Desk):
    """Where there is something to say in every form; *refusal* is how all of it is refused."""

    def __init__(self, *, refusal: str | None = None, gone: bool = False) -> None:
        super().__init__()
        running = self.seen.steps[0].model_copy(update={"state": StepState.RUNNING})
        self.seen = self.seen.model_copy(update={"steps": (running,)})
        self._refusal = refusal
        if gone:
            self.journaled = Journal()

    async def clocks(self, who: Who, incident: str, run: str | None = None) -> ClocksView:
        return ClocksView.model_construct(clocks=(CLOCK,), regimes=("gdpr",), notice="")

    async def say(self, who: Who, incident: str, said: Said, key: str) -> Answer:
        if self._refusal is None:
            return await super().say(who, incident, said, key)
        if not self._refusal:
            return nothing_new(key)
        refused = Journal().add(
            BEGAN, Kind.REFUSED, "it changed nothing", data={"refusal": self._refusal}
        )
        return answer_to(key, refused)


async def say(
    desk: Desk, what: str, fields: dict[str, str], who: Who = COUNSEL, guard: OneWord | None = None
) -> httpx2.Response:
    async with client(desk, who, guard) as http:
        taken = await http.post(f"{PAGE}/{what}", data=fields)
        if taken.status_code != 303:
            return taken
        return await http.get(taken.headers["location"])


def test_whatever_the_command_line_can_say_the_console_has_a_form_for() -> None:
    kinds = {said.__name__ for said in SIGNALS} - {Decide.__name__}
    assert len(FORMS) == len(kinds)


async def test_a_rejected_filing_is_drafted_anew_from_the_text_that_was_rejected() -> None:
    desk = Desk()
    async with client(desk, COUNSEL) as http:
        incident = await http.get(f"/incidents/{ID}")
        assert f'href="{PAGE}/draft"' in incident.text
        page = await http.get(f"{PAGE}/draft")
    assert "Dear harmless</textarea>" in page.text
    text = (
        "Sehr geehrte Behörde,\n"
        + "ガ" * 19_000
        + "\n\nDear regulator,\n\n  indented as it is to be sent\n"
    )
    told = await say(desk, "draft", sent(gate="file", text=text, actor="somebody-else"))
    assert "Recorded: counsel wrote a new draft." in told.text
    ((person, said),) = desk.told_besides
    assert person == "counsel-1"
    assert isinstance(said, Redraft)
    assert (said.gate, said.text) == ("file", text)


async def test_what_was_written_outlives_a_proof_that_grew_old_and_is_asked_for_before_writing() -> (
    None
):
    desk, guard = Desk(), OneWord()
    guard.proof = "/step-up?next=/incidents"
    async with client(desk, COUNSEL, guard) as http:
        before = await http.get(f"{PAGE}/draft")
    assert "<textarea" not in before.text
    assert "Prove that it is you" in before.text
    old = await say(desk, "draft", sent(gate="file", text="A long letter"), guard=guard)
    assert old.status_code == 403
    assert "A long letter</textarea>" in old.text
    assert not desk.told_besides


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"csrf": "theirs"}, 403), ({"reason": " "}, 422), ({"text": " "}, 422),
     ({"text": "x" * 20_001}, 422), ({"text": "x" * 600_000}, 403), ({"gate": "../x y"}, 422), ({"decision": "x"}, 422),
     ({"role": "Counsel\r\n"}, 422)],
)  # fmt: skip
async def test_a_form_that_is_not_whole_or_not_ours_says_nothing(
    changes: dict[str, str], status: int
) -> None:
    desk = Desk()
    answer = await say(desk, "draft", sent(gate="file", text="A letter") | changes)
    assert answer.status_code == status
    assert not desk.told_besides
    foreign = "csrf" in changes
    assert ("A letter</textarea>" in answer.text) is (not foreign and "text" not in changes)


@pytest.mark.parametrize("kind", ["auditor", "service"])
async def test_who_is_no_person_says_nothing_and_is_offered_nothing(kind: str) -> None:
    desk, who = Desk(), COUNSEL.model_copy(update={"kind": kind})
    assert (await say(desk, "draft", sent(gate="file", text="A letter"), who)).status_code == 403
    assert not desk.told_besides
    async with client(desk, who) as http:
        assert "/say/" not in (await http.get(f"/incidents/{ID}")).text


async def test_facts_steps_clocks_and_broken_glass_become_what_the_api_takes() -> None:
    desk = Desk()
    await say(desk, "grade", sent(protected_data_out="yes", impact_people="40", role="commander"))
    await say(desk, "attest", sent(step="isolate", evidence=f"sha256:{'a' * 64}\n", role="ml-lead"))
    await say(desk, "determine", sent(clock="gdpr-33", what="applicability", value="applies"))
    await say(desk, "break-glass", sent(asked=f"retrain {NONCE}"))
    graded, attested, determined, broken = [said for _, said in desk.told_besides]
    assert isinstance(graded, Grade)
    assert (graded.facts.protected_data_out, graded.severity) == ("yes", None)
    assert graded.impact is not None
    assert graded.impact.people == "40"
    assert isinstance(attested, Attest)
    assert attested.evidence == (f"sha256:{'a' * 64}",)
    assert isinstance(determined, Determine)
    assert isinstance(broken, BreakGlass)
    assert (broken.gate, broken.nonce) == ("retrain", NONCE)
    nothing = await say(desk, "grade", sent())
    assert "Nothing is said: set a severity" in nothing.text
    assert re.search('id="f-severity"[^>]*aria-invalid', nothing.text)


async def test_facts_stand_under_what_each_of_them_makes_of_the_incident() -> None:
    async with client(Desk(), COUNSEL) as http:
        page = await http.get(f"{PAGE}/grade")
    said = re.findall(r"<h2>([^<]+)</h2>|<label[^>]*>([^<]+?) *<", page.text)
    under: dict[str, list[str]] = {"": []}
    for head, label in said:
        if head:
            under[head] = []
        else:
            under[list(under)[-1]].append(label)
    assert {head.split(",")[0]: len(labels) for head, labels in under.items()} == {
        "": 1,
        "Any of these makes it SEV-1": 6,
        "Any of these makes it SEV-2": 3,
        "This alone makes it SEV-3": 1,
        "How far it reaches": 8,  # seven, and why
    }
    assert "An agent acts outside, unauthorised" in under["Any of these makes it SEV-1"]


MOMENT = "2026-11-23T04:00+01:00"


@pytest.mark.parametrize(
    ("what", "fields", "field", "says"),
    [
        ("attest", {"step": "isolate", "evidence": "a1b2"}, "evidence", "Each is sha256:"),
        ("draft", {"gate": "file", "text": "x" * 20_001}, "text", "At most 20,000 characters."),
        ("draft", {"gate": "file", "text": "A letter", "reason": " \n"}, "reason", "Say why"),
        ("suspect", {"person": "O1 "}, "person", "An id is of small letters"),
        ("suspect", {"person": "o-l"}, "person", "hemostat.toml has nobody of this id"),
        ("determine", {"what": "awareness", "value": "yesterday"}, "value", "Write a moment"),
        ("determine", {"what": "awareness", "value": MOMENT[:16]}, "value", "Add the offset: 2026"),
        ("determine", {"what": "candidate", "value": "2999-01-01T00:00Z"}, "value", "not come yet"),
        ("determine", {"what": "applicability", "value": "yes"}, "value", "Write applies, or not-"),
        ("determine", {"what": "period", "value": "soon"}, "value", "Write a number of days"),
        (
            "determine",
            {"what": "filed", "value": MOMENT},
            "reference",
            "A filing needs its receipt.",
        ),
    ],
)
async def test_a_wrong_entry_is_told_beside_its_field_and_nothing_that_was_typed_is_lost(
    what: str, fields: dict[str, str], field: str, says: str
) -> None:
    desk, typed = CanBeSaid(), sent(clock="gdpr-33") | fields
    page = await say(desk, what, typed, COUNSEL.model_copy(update={"roles": ("dpo", "counsel")}))
    assert page.status_code == 422
    assert not desk.told_besides
    beside = re.search(f'id="e-{field}">.*?</svg> (.*?)</p>', page.text)
    assert beside is not None, page.text
    assert says in html.unescape(beside[1])
    assert re.search(f'id="f-{field}"[^>]* aria-describedby="e-{field}[^>]*autofocus', page.text)
    assert f'<a href="#f-{field}">' in page.text
    for name, value in typed.items():
        if name in ("text", "reason", "evidence", "value", "person") and len(value) < 1000:
            assert html.escape(value, quote=False) in page.text, name


async def test_what_the_incident_refuses_comes_back_as_it_was_typed_with_the_refusal() -> None:
    desk = CanBeSaid(refusal="no-moment")
    typed = sent(clock="gdpr-33", what="awareness", value=MOMENT, reason="seen\r\nby <them>\u200d")
    page = await say(desk, "determine", typed)
    assert page.status_code == 409
    assert "Nothing was changed. What you wrote is still here." in page.text
    assert re.search(f'id="f-value"[^>]* value="{re.escape(MOMENT)}"', page.text)
    assert "seen\nby &lt;them&gt;\u200d</textarea>" in page.text
    assert re.search('id="e-value">.*?no past moment', page.text)


async def test_what_was_written_is_shown_even_where_its_question_has_gone() -> None:
    desk = CanBeSaid(refusal="late", gone=True)
    page = await say(desk, "draft", sent(gate="file", text="A long letter\r\nto them"))
    assert page.status_code == 409
    assert "A long letter\nto them</pre>" in page.text


FROM_OUR_PAGE = {"sec-fetch-site": "same-origin"}


async def test_who_was_signed_out_while_writing_gets_it_back_and_goes_on_after_signing_in() -> None:
    desk, typed = Desk(), sent(gate="file", text="A long letter\r\nto <them>")
    async with client(desk, None) as http:
        away = await http.post(f"{PAGE}/draft", data=typed, headers=FROM_OUR_PAGE)
        foreign = await http.post(f"{PAGE}/draft", data=typed)
    assert away.status_code == 401
    assert "Nothing was sent. What you wrote is kept" in away.text
    assert "A long letter\nto &lt;them&gt;</textarea>" in away.text
    assert 'name="csrf"' not in away.text
    assert foreign.status_code == 303
    async with client(desk, COUNSEL) as http:
        stale = typed | {"csrf": "of another session"}
        again = await http.post(f"{PAGE}/draft", data=stale, headers=FROM_OUR_PAGE)
    assert again.status_code == 403
    assert "A long letter\nto &lt;them&gt;</textarea>" in again.text
    assert not desk.told_besides


async def test_while_nobody_answers_what_was_written_is_kept_under_its_key_to_try_again() -> None:
    desk = Desk()
    desk.broken = HemostatError("Temporal did not take it")
    page = await say(desk, "draft", sent(gate="file", text="A long letter\r\nto <them>"))
    assert page.status_code == 503
    assert "Temporal did not take it. What you wrote is kept" in page.text
    assert "A long letter\nto &lt;them&gt;</textarea>" in page.text
    assert f"{DECISION}</textarea>" in page.text
    foreign = await say(desk, "draft", sent(gate="file", text="A letter", csrf="theirs"))
    assert foreign.status_code == 503
    assert "A letter" not in foreign.text


async def test_what_was_known_already_is_not_said_to_stand_in_the_record() -> None:
    page = await say(CanBeSaid(refusal=""), "grade", sent(severity="SEV-2"))
    assert "It was so already; nothing changed." in page.text
    assert "stands in the record" not in page.text


async def test_an_approval_can_be_taken_back_only_while_its_question_is_open() -> None:
    desk = CanBeSaid()
    me = WHO.model_copy(update={"person": desk.text})
    async with client(desk, me) as http:
        assert 'value="retrain"' in (await http.get(f"{PAGE}/withdraw")).text
        desk.seen = desk.seen.model_copy(update={"gates": ()})
        assert "nothing of the kind" in (await http.get(f"{PAGE}/withdraw")).text


async def test_there_is_no_form_for_what_nobody_says() -> None:
    async with client(Desk(), COUNSEL) as http:
        assert (await http.get(f"{PAGE}/nothing")).status_code == 404
        assert (await http.get("/incidents/nope/say/draft")).status_code == 404
