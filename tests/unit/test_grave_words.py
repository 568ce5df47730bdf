"""What is grave besides a gate takes a fresh proof of who says it: API, console and command line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hemostat.console.forms import FORMS
from hemostat.desk.answers import proof_is_old
from hemostat.desk.said import Decide, is_grave
from hemostat.keys import speakers_of
from hemostat.remote.voice import tell_answer
from hemostat.settings import Settings
from tests.browser import identity_of
from tests.unit.api_stage import WRITES, Stage, app_of, asking, on_stage
from tests.unit.console_desk import WHO, Desk
from tests.unit.test_console import OneWord
from tests.unit.test_console_saying import say, sent
from tests.workflows.voice import some_key, trusted
from workflows.engine.speakers import Speakers

GRAVE = ("suspicions", "determinations", "drafts", "gradings")
ROLE = {"role": "counsel"}
FACTS = {"severity": None, "facts": {"protected_data_out": "yes"}}
OLD = (timedelta(minutes=11), timedelta(minutes=-5), None)
"""Ages of a proof that is no fresh one: too old, from the future, never given."""


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with on_stage(tmp_path, monkeypatch) as made:
        yield made


def lent(stage: Stage, age: timedelta | None) -> dict[str, str]:
    """The headers of counsel, whose proof has this age."""
    stage.bearer("counsel-1", "counsel")
    account = stage.identity.accounts.get("counsel-1")
    assert account is not None
    proved = None if age is None else datetime.now(UTC) - age
    who = stage.identity.local(account, "password")
    device, code = stage.identity.tokens.ask()
    stage.identity.tokens.answer(code, who.model_copy(update={"stepped_up_at": proved}))
    return {"Authorization": f"Bearer {stage.identity.tokens.collect(device)[0]}"}


@pytest.mark.parametrize("age", OLD)
@pytest.mark.parametrize("where", GRAVE)
async def test_without_a_fresh_proof_nothing_grave_is_signed_or_sent(
    stage: Stage, where: str, age: timedelta | None
) -> None:
    answer = await stage.say(where, lent(stage, age), **ROLE)
    assert answer.status_code == 409
    told = answer.json()["answer"]
    assert (told["taken"], told["refusal"]) == ("refused", "step-up-asked")
    assert "prove anew who you are: sign in afresh" in told["says"]
    assert stage.temporal.signals == []


@pytest.mark.parametrize("where", GRAVE)
async def test_with_a_fresh_proof_what_is_grave_counts_also_under_the_key_it_was_refused_under(
    stage: Stage, where: str
) -> None:
    once = {"Idempotency-Key": "one-and-the-same"}
    assert (await stage.say(where, lent(stage, OLD[0]) | once, **ROLE)).status_code == 409
    fresh = lent(stage, timedelta(minutes=1)) | once
    assert (await stage.say(where, fresh, **ROLE)).status_code == 200
    assert len(stage.temporal.signals) == 1
    # What counted is told again, however old the proof is by then.
    again = await stage.say(where, lent(stage, OLD[0]) | once, **ROLE)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    assert len(stage.temporal.signals) == 1


async def test_what_became_known_and_what_a_gate_judges_waits_for_no_proof(stage: Stage) -> None:
    old = lent(stage, OLD[0])
    for where in WRITES:
        changes = {} if where in ("withdrawals", "break-glass") else dict[str, Any](ROLE)
        if where in GRAVE[:3]:
            continue
        changes |= FACTS if where == "gradings" else {}
        assert (await stage.say(where, old, **changes)).status_code == 200, where
    assert len(stage.temporal.signals) == len(WRITES) - 3


async def test_how_fresh_a_proof_is_hemostat_toml_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(tmp_path, monkeypatch) as stage:
        file = tmp_path / "hemostat.toml"
        file.write_text(f'{file.read_text()}\nstep_up_within = "1m"\n')
        settings = Settings.load(file)
        assert settings.identity is not None
        assert settings.identity.step_up_within == timedelta(minutes=1)
        app = app_of(tmp_path, stage.identity, stage.temporal)
        async with asking(app) as http:
            strict = Stage(http, stage.identity, stage.temporal)
            answer = await strict.say("suspicions", lent(strict, timedelta(minutes=2)), **ROLE)
            assert answer.status_code == 409


def test_a_form_asks_beforehand_for_what_is_grave_however_it_is_filled() -> None:
    asks = {name for name, form in FORMS.items() if form.grave}
    assert asks == {"draft", "determine", "suspect", "break-glass"}
    assert not is_grave(
        Decide(gate="g", choice="approve", nonce="n", digest=f"sha256:{'a' * 64}", reason="r")
    )


async def test_a_severity_set_on_the_page_asks_for_a_fresh_proof_and_loses_no_word() -> None:
    desk, guard = Desk(), OneWord()
    guard.proof = "/step-up?next=/incidents"
    lowers = sent(severity="SEV-4", role="commander", reason="as it turned out")
    refused = await say(desk, "grade", lowers, WHO, guard)
    assert refused.status_code == 403
    assert "as it turned out</textarea>" in refused.text
    assert 'href="/step-up?next=/incidents"' in refused.text
    assert not desk.told_besides
    known = sent(protected_data_out="yes", role="commander")
    assert (await say(desk, "grade", known, WHO, guard)).status_code == 200
    assert len(desk.told_besides) == 1


def test_a_terminal_says_what_to_do_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_answer(proof_is_old("s-1"), {}, as_json=False) == 1
    told = capsys.readouterr().out
    assert "refused: This asks you to prove anew who you are: sign in afresh" in told


@pytest.mark.parametrize("asks", [True, False])
def test_the_next_run_asks_as_the_first_did_and_an_older_one_hands_on_what_it_always_did(
    asks: bool,
) -> None:
    nothing: Any = None
    keys = trusted(some_key(1), besides_gates=asks)
    dumped = Speakers(nothing, nothing, "i", "r", keys).dump()
    assert ("fresh_besides_gates" in str(dumped)) is asks
    after = Speakers(nothing, nothing, "i", "r", None)
    after.load(dumped)
    assert after.dump() == dumped


def test_an_incident_that_opens_now_asks_for_fresh_proofs_besides_its_gates(
    tmp_path: Path,
) -> None:
    identity_of(tmp_path)
    keys = speakers_of(Settings.load(tmp_path / "hemostat.toml"))
    assert keys is not None
    assert keys.fresh_besides_gates
