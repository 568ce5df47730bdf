"""What anyone can see of an incident at any moment: search attributes, queries, Temporal's UI."""

from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client

from schemas.incident import Containment, Phase
from schemas.visibility import CONTAINMENT, PHASE, SEVERITY, WAITING_FOR
from tests.workflows.case import Case, alert
from tests.workflows.world import World

pytestmark = pytest.mark.temporal

EVIL = "<img src=x onerror=alert(1)> | **bold** [link](http://evil.example) `rm -rf`"


async def listed(case: Case) -> dict[str, Any]:
    """The search attributes that visibility has."""
    found = (await case.handle.describe()).typed_search_attributes
    return {
        "phase": found.get(PHASE),
        "severity": found.get(SEVERITY),
        "containment": found.get(CONTAINMENT),
        "waiting": sorted(found.get(WAITING_FOR) or []),
    }


async def details(case: Case) -> str:
    """What Temporal's UI shows as the current details."""
    metadata = await case.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


async def test_search_attributes_tell_the_phase_and_whom_it_waits_for(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    assert await listed(case) == {
        "phase": Phase.CONTAINMENT,
        "severity": "SEV-2",
        "containment": Containment.PROVEN,
        "waiting": ["commander", "ml-on-call"],
    }
    await case.approve("acknowledge")
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    assert await listed(case) == {
        "phase": Phase.ERADICATION,
        "severity": "SEV-2",
        "containment": Containment.PROVEN,
        "waiting": ["ml-lead", "service-owner"],
    }
    await case.approve("rescore-decisions", "service-owner", "ml-lead")
    await case.approve("retrain-without-poison", "data-owner", "ml-lead")
    await case.gate("re-enable-feedback")
    assert (await listed(case))["phase"] == Phase.RECOVERY
    assert (await listed(case))["waiting"] == ["commander", "ml-lead"]
    await case.approve("re-enable-feedback", "commander", "ml-lead")
    await case.approve("close-incident")
    await case.result()
    assert await listed(case) == {
        "phase": Phase.CLOSED,
        "severity": "SEV-2",
        "containment": Containment.PROVEN,
        "waiting": [],
    }


async def test_the_standing_offer_of_a_false_alarm_makes_nobody_wait(
    client: Client, queue: str, world: World
) -> None:
    world.fail["compare_with_shadow"] = -1
    case = await Case.open(client, queue)
    await case.approve("acknowledge")
    await case.said("Gate acknowledge: approved")
    await case.gate("false-alarm")
    assert (await listed(case))["waiting"] == []


async def test_temporals_own_page_shows_the_standing_in_our_words(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.gate("confirm-known-good")
    text = await details(case)
    assert "SEV-2 · containment · containment **proven**" in text
    assert "confirm-known-good: ml-on-call, commander" in text
    assert "| Isolate the feedback endpoint | contain | **proven** |" in text


async def test_every_step_in_the_history_has_a_readable_summary(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything()
    await case.result()
    summaries = await summaries_of(case)
    activities = [s for kind, s in summaries if kind == "activity"]
    timers = [s for kind, s in summaries if kind == "timer"]
    assert all(activities)
    assert all(timers)
    assert "isolate-the-feedback-endpoint: isolate_endpoint" in activities
    assert "isolate-the-feedback-endpoint: the canary is in no label store" in activities
    assert "acknowledge: next escalated" in timers


async def summaries_of(case: Case) -> list[tuple[str, str]]:
    """What the history says about each activity and timer."""
    history = await case.handle.fetch_history()
    convert = case.client.data_converter.payload_converter.from_payload
    told = []
    for event in history.events:
        kind = (
            "activity"
            if event.HasField("activity_task_scheduled_event_attributes")
            else "timer"
            if event.HasField("timer_started_event_attributes")
            else ""
        )
        if kind:
            has = event.HasField("user_metadata")
            told.append((kind, str(convert(event.user_metadata.summary)) if has else ""))
    return told


async def test_what_an_attacker_wrote_stays_in_the_journals_data(
    client: Client, queue: str, world: World
) -> None:
    evil = alert().model_copy(
        update={"title": EVIL, "description": EVIL, "labels": {EVIL: EVIL}, "kind": EVIL}
    )
    case = await Case.open(client, queue, evil)
    await case.gate("confirm-known-good")
    view = await case.view()
    described = await case.handle.describe()
    seen_by_people = [
        case.handle.id,
        str(described.raw_description.workflow_execution_info.search_attributes),
        str(await described.memo()),
        await details(case),
        *(summary for _, summary in await summaries_of(case)),
        *await case.says(),
        *(page.model_dump_json() for page in world.page_requests),
        view.model_dump_json(),
    ]
    for text in seen_by_people:
        for part in ("onerror", "evil.example", "**bold**", "rm -rf"):
            assert part not in text
    assert EVIL in {entry.data.get("title") for entry in await case.journal()}


async def test_what_was_shown_at_a_gate_can_be_asked_for_after_it_closed(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    gate = await case.gate("confirm-known-good")
    await case.approve("confirm-known-good")
    await case.gate("rescore-decisions")
    assert await case.ask("shown", "confirm-known-good") == gate.shown
    assert await case.ask("shown", "no-such-gate") == {}


async def test_queries_still_answer_when_the_incident_is_closed(
    client: Client, queue: str, world: World
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything()
    result = await case.result()
    view = await case.view()
    assert view.phase is Phase.CLOSED
    assert view.resolution is result.resolution
    assert view.journal_head == result.journal_head
    assert view.gates == ()
