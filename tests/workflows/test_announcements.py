"""People are told where an incident stands; no channel ever stands in its way."""

import asyncio
from datetime import datetime, timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schemas.incident import Containment, Resolution
from schemas.journal import Kind
from schemas.situation import SituationReport
from schemas.step import StepState
from tests.workflows.case import PATIENCE, Case, alert
from tests.workflows.conftest import working
from tests.workflows.telling_world import CHANNELS, TellingWorld, followed

pytestmark = pytest.mark.temporal

ISOLATE = "isolate-the-feedback-endpoint"
TELLING = ("announce", "mail_report", "publish_report", "ask_in_chat", "ask_by_mail")


@pytest.fixture
def world() -> TellingWorld:
    return TellingWorld()


async def told(world: TellingWorld, channel: str, what: str) -> SituationReport:
    """The first report of a channel of which *what* is true, once there is one."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        for report in world.reports.get(channel, ()):
            if what in f"{report.headline()} {report.facts()} {report.lines} {report.waits()}":
                return report
        assert asyncio.get_running_loop().time() < deadline, world.reports.get(channel)
        await asyncio.sleep(0.02)


async def told_since(world: TellingWorld, channel: str, since: datetime) -> SituationReport:
    """The newest report of a channel, once it tells of something later than *since*."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not (last := world.reports[channel][-1]).lines or last.lines[-1].at <= since:
        assert asyncio.get_running_loop().time() < deadline, last
        await asyncio.sleep(0.02)
    return last


async def asked(world: TellingWorld, *question: str) -> None:
    """Wait until somebody was asked."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while question not in world.questions:
        assert asyncio.get_running_loop().time() < deadline, (question, world.questions)
        await asyncio.sleep(0.02)


async def answer_all(case: Case) -> None:
    """The people of the roster take it to its end."""
    await case.by("acknowledge", ml_on_call="o1")
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.by("rescore-decisions", service_owner="s1", ml_lead="m1")
    await case.by("retrain-without-poison", data_owner="d1", ml_lead="m1")
    await case.by("re-enable-feedback", commander="c1", ml_lead="m2")
    await case.by("close-incident", commander="c1")


async def test_every_channel_is_told_from_the_opening_to_the_close(
    client: Client, queue: str, world: TellingWorld
) -> None:
    case = await Case.open(client, queue, of=followed(), drill=True)
    for channel in CHANNELS:
        await told(world, channel, "contained, proven")
    await asked(world, "chat", "confirm-known-good", "o1", "open")
    await asked(world, "mail", "confirm-known-good", "o1", "open")
    await answer_all(case)
    assert (await case.result()).resolution is Resolution.RESOLVED
    for channel in CHANNELS:
        reports = world.reports[channel]
        assert reports[-1].resolution == "resolved"
        assert [r.revision for r in reports] == sorted({r.revision for r in reports})
        assert reports[-1].headline().startswith("EXERCISE: SEV-")
    assert len(world.reports["mail"]) <= len(world.reports["chat"])
    assert ("chat", "confirm-known-good", "o1", "approved") in world.questions
    assert len(world.questions) == len(set(world.questions))
    assert len(world.keys["announce"]) == 1
    lines = world.reports["chat"][-1].lines
    assert any(line.says.startswith("Asked: Roll back") for line in lines)
    journal = await case.kinds(Kind.MESSAGE)
    assert {"channel": "chat", "gate": "confirm-known-good", "person": "o1"} in [
        entry.data for entry in journal
    ]


async def test_a_storm_of_changes_is_a_handful_of_messages_and_the_newest_wins(
    client: Client, queue: str, world: TellingWorld
) -> None:
    world.stall["announce"] = asyncio.Event()
    case = await Case.open(client, queue, of=followed())
    await case.by("confirm-known-good", ml_on_call="o1")
    await case.gate("rescore-decisions")
    for n in range(50):
        await case.send(alert(f"e{n}"))
    assert world.calls["announce"] == 1
    world.stall["announce"].set()
    last = await told(world, "chat", "Score the affected")
    assert last.revision == max(r.revision for r in world.reports["chat"])
    assert len(world.reports["chat"]) <= 3


@pytest.mark.parametrize("how", ["failing", "hanging", "refusing"])
async def test_no_channel_keeps_containment_or_people_waiting_and_once_well_it_has_the_newest(
    client: Client, queue: str, world: TellingWorld, temporal: WorkflowEnvironment, how: str
) -> None:
    for port in TELLING:
        if how == "failing":
            world.fail[port] = -1
        elif how == "hanging":
            world.stall[port] = asyncio.Event()
        else:
            world.refuse.add(port)
    case = await Case.open(client, queue, of=followed())
    proven = await case.step(ISOLATE, StepState.PROVEN)
    assert proven.containment is Containment.PROVEN
    await answer_all(case)
    await case.until(lambda view: view.resolution is not None, "it closes")
    assert not world.reports
    if how == "refusing":
        says = [e.says for e in await case.kinds(Kind.MESSAGE)]
        for channel in CHANNELS:
            assert sum(s.startswith(f"{channel} did not take the incident") for s in says) == 1
    for event in world.stall.values():
        event.set()
    world.fail.clear()
    world.refuse.clear()
    if how != "hanging":
        await temporal.fast_forward(case.handle, timedelta(seconds=45))
    assert (await case.result()).resolution is Resolution.RESOLVED
    assert all(world.reports[channel][-1].resolution == "resolved" for channel in CHANNELS)


async def test_an_incident_closes_without_a_last_word_to_a_channel_that_stays_away(
    client: Client, queue: str, world: TellingWorld, temporal: WorkflowEnvironment
) -> None:
    world.refuse |= {"mail_report", "ask_by_mail"}
    case = await Case.open(client, queue, of=followed("mail"))
    await case.by("false-alarm", commander="c1", ml_lead="m1")
    await case.until(lambda view: view.resolution is not None, "it closes")
    await temporal.fast_forward(case.handle, timedelta(minutes=3))
    assert (await case.result()).resolution is Resolution.FALSE_ALARM
    assert "Closing without a last word to a channel" in await case.says()


async def test_what_fires_again_while_a_channel_delays_the_close_is_answered_at_once(
    client: Client, queue: str, world: TellingWorld
) -> None:
    case = await Case.open(client, queue, of=followed("chat"))
    await told(world, "chat", "contained, proven")
    world.stall["announce"] = asyncio.Event()
    await answer_all(case)
    await case.until(lambda view: view.resolution is not None, "it closes")
    await case.send(alert("e2"))
    await case.step(f"{ISOLATE}-r2", StepState.PROVEN)
    fired_again = "It fired again while closing: responding again"
    [at] = [
        datetime.fromisoformat(entry.at)
        for entry in await case.journal()
        if entry.says == fired_again
    ]
    world.stall["announce"].set()
    report = await told_since(world, "chat", at)
    assert report.resolution is None
    assert report.containment == Containment.PROVEN


async def test_whoever_is_excluded_is_told_nothing_and_a_channel_of_many_no_details(
    client: Client, queue: str, world: TellingWorld
) -> None:
    case = await Case.open(client, queue, of=followed())
    await case.by("confirm-known-good", ml_on_call="o1")
    await asked(world, "chat", "rescore-decisions", "m1", "open")
    await case.say("suspect", "l1", "counsel", person="m1")
    report = await told(world, "chat", "details on its page")
    assert not report.waits()
    await case.by("rescore-decisions", service_owner="s1", ml_lead="m2")
    await asked(world, "chat", "rescore-decisions", "m2", "approved")
    await asked(world, "chat", "retrain-without-poison", "m2", "open")
    about_m1 = [q for q in world.questions if q[2] == "m1"]
    assert {stands for _, _, _, stands in about_m1} == {"open"}
    assert "retrain-without-poison" not in {gate for _, gate, _, _ in about_m1}


async def test_a_person_without_an_address_is_a_line_in_the_journal_and_nothing_more(
    client: Client, queue: str, world: TellingWorld
) -> None:
    world.deaf.add("o1")
    case = await Case.open(client, queue, of=followed("mail"))
    await case.said("o1 was not asked by mail: no address")


async def test_a_service_without_channels_has_not_one_act_more(
    client: Client, queue: str, world: TellingWorld
) -> None:
    case = await Case.open(client, queue)
    await case.answer_everything()
    await case.result()
    assert not {*TELLING} & {*world.calls}


async def test_over_many_runs_the_message_stays_one_and_nobody_is_asked_twice(
    impatient_temporal: WorkflowEnvironment, world: TellingWorld
) -> None:
    async with working(impatient_temporal.client, world) as queue:
        case = await Case.open(impatient_temporal.client, queue, of=followed())
        await answer_all(case)
        assert (await case.result()).resolution is Resolution.RESOLVED
        assert len(await case.ask("segments")) > 2
    for channel in CHANNELS:
        revisions = [report.revision for report in world.reports[channel]]
        assert revisions == sorted(revisions)
        assert world.reports[channel][-1].resolution == "resolved"
    assert len(world.keys["announce"]) == 1
    opened = [question for question in world.questions if question[3] == "open"]
    keys = world.keys["ask_in_chat"] | world.keys["ask_by_mail"]
    assert len({q[:3] for q in opened}) == len(keys)
