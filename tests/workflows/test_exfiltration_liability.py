"""The legal side of an exfiltration, and who takes no part in it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

from schemas.base import iso
from schemas.clocks.states import ClockState
from schemas.incident import Resolution
from schemas.journal import Kind
from schemas.roster import Delegation, Person, Role, Roster
from schemas.step import StepState
from tests.workflows.case import Case
from tests.workflows.counsel import Counsel
from tests.workflows.exfiltration_world import (
    INSIDER,
    OWN,
    PERSON,
    SUSPECT,
    ExfiltrationWorld,
    assistant_service,
    canary,
    report,
)
from tests.workflows.roster import around_now
from tests.workflows.test_assistant_exfiltration import answer_the_rest, answer_until_scope

pytestmark = pytest.mark.temporal

REGIMES = ("gdpr-33", "nis2-23-4a", "aia-73-6-hold")
HOLDERS = {
    "commander": (INSIDER,),
    "deputy-commander": ("c2",),
    "security-on-call": ("o1",),
    "counsel": ("l1",),
    "deputy-counsel": ("l2",),
    "general-counsel": ("g1",),
    "hr": ("h1",),
    "service-owner": ("s1", "d1"),
    "ciso": ("z1",),
    "comms": ("m1",),
    "executive": ("e1",),
    "dpo": ("p1",),
}
LADDERS = {"commander": ("deputy-commander",), "service-owner": ("ciso",)}


@pytest.fixture
def world() -> ExfiltrationWorld:
    return ExfiltrationWorld()


def roster() -> Roster:
    """The insider commands, and delegated that to one of the service's owners."""
    span = around_now(timedelta(days=1), timedelta(days=1))
    made = Delegation(of=INSIDER, to="d1", roles=("commander",), since=span.since, until=span.until)
    return Roster(
        people={person: Person() for people in HOLDERS.values() for person in people},
        roles={
            role: Role(primary=people, ladder=LADDERS.get(role, ()))
            for role, people in HOLDERS.items()
        },
        delegations=(made,),
    )


def now_alerted() -> Any:
    return canary(received_at=datetime.now(UTC))


async def opened(client: Client, queue: str, *alerts: Any, **of: Any) -> tuple[Case, Counsel]:
    case = await Case.open(
        client,
        queue,
        *(alerts or (now_alerted(),)),
        playbook="assistant-exfiltration",
        of=assistant_service(**of),
    )
    return case, Counsel(case, "l1")


async def test_counsel_determines_clock_by_clock_and_what_applies_is_filed_and_completed(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, counsel = await opened(client, queue, regimes=REGIMES)
    row = await counsel.until("gdpr-33", lambda r: bool(r.candidates))
    await counsel.determines(
        "gdpr-33-2", "applicability", "not-applicable", reason="not for another"
    )
    await counsel.determines("nis2-23-4a", "applicability", "not-applicable", reason="out of scope")
    await counsel.determines("gdpr-33", "applicability", "applies")
    await counsel.determines("gdpr-33", "awareness", iso(row.candidates[0].at))
    await case.approve("file-gdpr-33", "counsel", "dpo")  # nothing else was answered yet
    await case.said("Sent under gdpr-33")
    assert list(world.sent) == ["filing/gdpr-33/initial"]
    assert "incomplete" in world.texts[0]
    await counsel.determines("gdpr-33", "filed", iso(row.candidates[0].at), reference="DPA 4711")
    await counsel.until_state("gdpr-33", ClockState.FILED)
    released = "counsel-not-applicable"
    await counsel.determines("aia-73-6-hold", "hold-released", released, reason="no such system")
    await answer_until_scope(case)
    await answer_the_rest_but_closing(case)
    await case.approve("complete-gdpr-33", "counsel", "dpo")
    await case.approve("board-report", "commander", "general-counsel")
    await case.approve("close-incident", "commander", "counsel")
    result = await case.result()
    assert result.resolution is Resolution.RESOLVED
    assert set(world.sent) == {
        "filing/gdpr-33/initial",
        "filing/gdpr-33/complete",
        "statement/researcher",
    }
    (board,) = world.reports
    assert "gdpr-33 (Reg (EU) 2016/679 Art 33(1)): filed" in board
    assert "receipt DPA 4711" in board
    assert "nis2-23-4a (Dir (EU) 2022/2555 Art 23(4)(a)): not-applicable" in board
    assert "decided by counsel" in board
    assert SUSPECT not in "".join(world.texts)


async def answer_the_rest_but_closing(case: Case) -> None:
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.approve("bring-back-closed", "commander", "security-on-call")
    await case.approve("let-callers-in", "security-on-call", "service-owner")
    await case.approve("re-enable-assistant", "ciso", "counsel", "service-owner")


async def test_an_evidence_hold_keeps_the_assistant_unchanged_until_counsel_releases_it(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, counsel = await opened(client, queue, regimes=("aia-73-6-hold",))
    await answer_until_scope(case)
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.said("An evidence hold blocks redeploy_changed_system: aia-73-6-hold")
    assert "apply-controls" not in {g.policy.id for g in (await case.view()).gates}
    assert not world.tight
    assert not world.online  # containment never waited for it
    await counsel.determines("aia-73-6-hold", "hold-released", "authority-informed")
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.gate("bring-back-closed")
    assert world.tight


async def test_a_hold_that_comes_while_people_think_holds_as_well(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    hold = "aia-73-6-hold"
    case, counsel = await opened(client, queue, regimes=(hold,))
    await counsel.determines(hold, "applicability", "not-applicable")
    await answer_until_scope(case)
    await case.approve("state-researcher", "counsel", "comms", "executive")
    await case.gate("apply-controls")
    await counsel.determines(hold, "applicability", "applies")
    await counsel.until_state(hold, ClockState.RUNNING)
    await case.approve("apply-controls", "service-owner", "security-on-call")
    await case.said(f"An evidence hold blocks redeploy_changed_system: {hold}")
    assert not world.tight
    await counsel.determines(hold, "hold-released", "authority-informed")
    await case.gate("bring-back-closed")
    assert world.tight


async def test_it_does_not_close_while_counsel_has_not_decided(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, counsel = await opened(client, queue, regimes=("nis2-23-4a",))
    await answer_until_scope(case)
    await answer_the_rest(case)
    await case.said("Closing waits for counsel: nis2-23-4a (scope-not-declared)")
    assert not world.sent.keys() - {"statement/researcher"}
    await counsel.determines("nis2-23-4a", "applicability", "not-applicable", reason="out of scope")
    assert (await case.result()).resolution is Resolution.RESOLVED


async def test_each_alert_and_report_is_a_candidate_for_awareness(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    before = now_alerted()
    later = report(disclosed=1.0).model_copy(update={"received_at": datetime.now(UTC)})
    case, counsel = await opened(client, queue, before, regimes=("gdpr-33",))
    await case.send(later)
    row = await counsel.until("gdpr-33", lambda r: len(r.candidates) >= 3)
    bases = [candidate.basis for candidate in row.candidates]
    assert {"a report came", "the extraction was confirmed"} <= set(bases)
    assert row.state is ClockState.SCOPE_NOT_DECLARED  # none of them is selected by itself


async def test_without_declared_regimes_the_record_and_the_board_are_told_so(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await opened(client, queue)
    await case.said("No legal regime is declared for this service")
    await answer_until_scope(case)
    await answer_the_rest(case)
    await case.result()
    assert "no legal regime is declared for this service" in world.reports[0]


# Who takes no part


async def test_an_insider_who_commands_is_out_before_the_first_page(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await opened(client, queue, regimes=("gdpr-33",), roster=roster())
    await case.gate("take-offline")
    await case.until(lambda _: len(world.page_requests) >= 4, "they were called")
    told = {page.role for page in world.page_requests}
    reached = {person for role in told for person in HOLDERS[role]}
    assert not {INSIDER, "d1"} & reached
    assert {"deputy-commander", "counsel", "hr"} <= told
    said = [entry.says for entry in await case.journal()]
    excluded = said.index("Someone takes no part in this incident any more")
    paged = [number for number, says in enumerate(said) if says.startswith("Paging")]
    assert excluded < min(paged)


async def test_neither_the_insider_nor_their_delegate_decides_or_is_listed(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await opened(client, queue, roster=roster())
    for gate in ("take-command", "take-offline"):
        view = await case.gate(gate)
        assert not {INSIDER, "d1"} & {standing.person for standing in view.may_decide}
        assert view.may_decide
    await case.by("take-offline", commander=INSIDER)
    await case.by("take-offline", commander="d1")
    await case.by("take-offline", service_owner="d1")
    await case.until_journal(Kind.REFUSED, 3)
    assert set(await case.refusals()) == {"not-the-role"}
    assert world.online
    await case.by("take-offline", service_owner="s1")
    await case.step(f"deny-older-sessions-of-{OWN}", StepState.PROVEN)
    journal = " ".join(entry.model_dump_json() for entry in await case.journal())
    for entry in await case.kinds(Kind.REFUSED):  # what they say of themselves is theirs
        journal = journal.replace(entry.model_dump_json(), "")
    assert f'"{INSIDER}"' not in journal


async def test_who_is_found_by_what_was_taken_is_out_from_then_on(
    client: Client, queue: str, world: ExfiltrationWorld
) -> None:
    case, _ = await opened(client, queue, report(disclosed=1.0), roster=roster())
    await case.said("Someone takes no part in this incident any more")
    await case.step(f"deny-older-sessions-of-{PERSON}", StepState.PROVEN)
    pages = len(world.page_requests)
    view = await case.gate("take-offline")
    assert not {INSIDER, "d1"} & {standing.person for standing in view.may_decide}
    late = {page.role for page in world.page_requests[pages:]}
    assert "commander" not in late
