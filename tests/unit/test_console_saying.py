"""What people say besides deciding, from the console's forms: theirs alone, and nothing lost."""

import httpx2
import pytest

from hemostat.console.forms import FORMS
from hemostat.desk.messages import SIGNALS
from hemostat.desk.said import Attest, BreakGlass, Decide, Determine, Grade, Redraft
from schemas.who import Who
from tests.unit.console_desk import ID, NONCE, WHO, Desk
from tests.unit.test_console import DECISION, OneWord, client

COUNSEL = WHO.model_copy(update={"person": "counsel-1", "roles": ("counsel",)})
PAGE = f"/incidents/{ID}/say"


def sent(**fields: str) -> dict[str, str]:
    """A form as its page sends it."""
    return {"csrf": "ours", "decision": DECISION, "reason": "the regulator asked for it"} | fields


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
    assert "nothing is said" in nothing.text


async def test_there_is_no_form_for_what_nobody_says() -> None:
    async with client(Desk(), COUNSEL) as http:
        assert (await http.get(f"{PAGE}/nothing")).status_code == 404
        assert (await http.get("/incidents/nope/say/draft")).status_code == 404
