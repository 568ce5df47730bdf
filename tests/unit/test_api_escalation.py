"""Who may say what over the API: each role against each write, and what is said twice.

Temporal is a fake that keeps what reached it, so "refused" means that nothing did.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api_stage import (
    IN_A_ROLE,
    MONITOR,
    ROLES,
    WRITES,
    Stage,
    defended,
    on_stage,
)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with on_stage(tmp_path, monkeypatch) as made:
        yield made


# Idempotency keys


async def test_a_key_is_not_used_again_for_another_body_another_place_or_by_another_person(
    stage: Stage,
) -> None:
    who = stage.bearer("p-1", "commander") | {"Idempotency-Key": "k-1"}
    first = await stage.say("decisions", who)
    again = await stage.say("decisions", who)
    assert (first.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert again.json()["repeated"]
    assert (await stage.say("decisions", who, choice="reject")).status_code == 409
    assert (await stage.say("break-glass", who)).status_code == 409
    assert len(stage.temporal.signals) == 1
    other = stage.bearer("p-2", "commander") | {"Idempotency-Key": "k-1"}
    theirs = await stage.say("decisions", other)
    assert theirs.json()["id"] != first.json()["id"]
    assert [message.actor for _, message in stage.temporal.signals] == ["p-1", "p-2"]


# Privilege escalation


@pytest.mark.parametrize("where", WRITES)
async def test_escalation_auditors_and_services_write_nothing_in_any_role(
    stage: Stage, where: str
) -> None:
    auditor = stage.bearer("a-1", "commander", auditor=True)
    service = {"Authorization": f"Bearer {MONITOR}"}
    for who in (auditor, service):
        assert (await stage.http.get("/api/v1/me", headers=who)).status_code == 200
        for role in (None, *ROLES):
            claimed = {"role": role} if role and where in IN_A_ROLE else {}
            answer = await stage.say(where, who, **claimed)
            assert answer.status_code == 403, (role, answer.text)
            defended(answer)
    assert (await stage.say(where, {})).status_code == 401
    assert not stage.temporal.signals


@pytest.mark.parametrize("held", ROLES)
async def test_escalation_who_holds_one_role_writes_in_no_other(stage: Stage, held: str) -> None:
    who = stage.bearer("p-1", held)
    for claimed in {*ROLES} - {held}:
        for where in IN_A_ROLE:
            answer = await stage.say(where, who, role=claimed)
            assert answer.status_code == 403, (claimed, where, answer.text)
    assert not stage.temporal.signals


@pytest.mark.parametrize("where", WRITES)
async def test_escalation_who_speaks_is_never_taken_from_what_is_sent(
    stage: Stage, where: str
) -> None:
    who = stage.bearer("p-1", "commander")
    for name in ("actor", "person_id", "subject", "kind", "roles", "statement", "id", "channel"):
        answer = await stage.say(where, who, **{name: "p-9"})
        assert answer.status_code == 422, (name, answer.text)
    assert not stage.temporal.signals
    forged = who | {"X-Forwarded-User": "p-9", "X-Remote-User": "p-9", "X-Role": "ciso"}
    assert (await stage.say(where, forged)).status_code == 200
    ((_, message),) = stage.temporal.signals
    assert message.actor == "p-1"
    assert message.statement is not None


async def test_escalation_a_role_that_was_taken_away_is_gone_from_a_token(stage: Stage) -> None:
    who = stage.bearer("p-1", "commander")
    stage.identity.accounts.remove("p-1")
    for where in WRITES:
        assert (await stage.say(where, who)).status_code == 401
    assert not stage.temporal.signals
