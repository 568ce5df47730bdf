"""The desk on a real incident: who sees what, what is asked of whom, what became of their words."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from hemostat.desk.desk import Desk
from hemostat.desk.inbox import Asked, Inbox
from hemostat.desk.listing import Filters, Page
from hemostat.desk.said import (
    Answer,
    BreakGlass,
    Decide,
    Determine,
    Grade,
    Said,
    Suspect,
    Taken,
    Withdraw,
)
from hemostat.incidents import NoSuchIncident
from hemostat.settings import Settings
from hemostat.speaking import MayNotSpeak
from hemostat.vault import Vault
from schemas.clocks.determination import Matter
from schemas.gate import Choice
from schemas.incident import Service
from schemas.severity import Severity
from schemas.who import Who
from tests.workflows.case import PATIENCE, Case
from tests.workflows.conftest import FLAGS, server
from tests.workflows.roster import PEOPLE, ROLES, staffed

pytestmark = pytest.mark.temporal

T = TypeVar("T")

CHOOSE, ISOLATED = "confirm-known-good", "restricted-api"


def who(person: str, *, kind: str = "person") -> Who:
    """This person with the roles that the roster gives."""
    roles = tuple(name for name, role in ROLES.items() if person in (*role.primary, *role.deputies))
    return Who.model_validate(
        {
            "person": person,
            "subject": f"local:{person}",
            "roles": roles,
            "method": "password",
            "authenticated_at": datetime.now(UTC),
            "kind": kind,
        }
    )


def desk_on(client: Client, folder: Path) -> Desk:
    """A desk that knows the people of the tests and one restricted service."""
    people = "".join(f"[people.{person}]\n" for person in PEOPLE)
    roles = "".join(
        f"[roles.{name}]\nprimary = {json.dumps(role.primary)}\n"
        f"deputies = {json.dumps(role.deputies)}\n"
        for name, role in ROLES.items()
    )
    text = f"""
[hemostat]
state = "{folder}/state"
[services.sentiment-api]
[services.{ISOLATED}]
restricted = true
need_to_know = ["commander", "counsel"]
[break_glass]
people = ["o2"]
{people}{roles}"""

    async def connect() -> Client:
        return client

    return Desk(Settings.parse(text), connect, Vault(folder / "vault"))


@pytest.fixture(scope="module")
async def apart() -> AsyncIterator[WorkflowEnvironment]:
    """A server of its own: an inbox looks at every incident there is."""
    async with server(FLAGS) as env:
        yield env


@pytest.fixture
def client(apart: WorkflowEnvironment) -> Client:
    return apart.client


@pytest.fixture
def desk(client: Client, tmp_path: Path) -> Desk:
    return desk_on(client, tmp_path)


def people_of(name: str = "sentiment-api", *, restricted: bool = False) -> Service:
    return staffed().model_copy(update={"name": name, "restricted": restricted})


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds(answer := await ask()):
            await asyncio.sleep(0.02)
    return answer


async def decide(desk: Desk, case: Case, person: str, key: str | None = None) -> Answer:
    """This person approves what they are shown now."""
    seen = await desk.gate(who(person), case.handle.id, CHOOSE)
    said = Decide(
        gate=CHOOSE,
        choice=Choice.APPROVE,
        nonce=seen.gate.nonce,
        digest=seen.gate.digest,
        reason="it is",
    )
    return await desk.say(who(person), case.handle.id, said, idempotency_key=key)


def reads_of(desk: Desk) -> list[tuple[str, str, str]]:
    if not desk.reads.file.exists():
        return []
    lines = [json.loads(line) for line in desk.reads.file.read_text().splitlines()]
    return [(line["person"], line["incident"], line["what"]) for line in lines]


async def test_the_inbox_has_what_this_person_may_decide_and_what_each_answer_does(
    client: Client, queue: str, desk: Desk
) -> None:
    case = await Case.open(client, queue, of=people_of())
    await case.gate(CHOOSE)

    def mine(inbox: Inbox) -> list[Asked]:
        here = (case.handle.id, CHOOSE)
        return [a for a in inbox.gates if (a.incident, a.gate.policy.id) == here]

    inbox = await until(lambda: desk.inbox(who("o1")), lambda inbox: bool(mine(inbox)))
    (asked,) = mine(inbox)
    assert asked.roles == ("ml-on-call",)
    assert asked.gate.shown
    assert asked.consequences.approve == "It goes ahead at once."
    assert asked.consequences.silence
    assert asked.seconds_left is not None
    assert not mine(await desk.inbox(who("d1")))
    assert not (await desk.inbox(who("o1", kind="auditor"))).gates

    alone = who("o2").model_copy(update={"roles": ()})
    assert not mine(await desk.inbox(alone))
    broken = BreakGlass(gate=CHOOSE, nonce=asked.gate.nonce, reason="nobody else answers")
    await desk.say(alone, case.handle.id, broken)
    (asked,) = mine(await desk.inbox(alone))
    assert asked.roles == ("break-glass",)


async def test_each_answer_is_clear(client: Client, queue: str, desk: Desk) -> None:
    case = await Case.open(client, queue, of=people_of())
    await case.gate(CHOOSE)
    not_theirs = await decide(desk, case, "d1")
    assert (not_theirs.taken, not_theirs.refusal) == (Taken.NOT_YOURS, "not-the-role")
    gate = (await desk.gate(who("o1"), case.handle.id, CHOOSE)).gate
    other = Decide(
        gate=CHOOSE,
        choice=Choice.APPROVE,
        nonce=gate.nonce,
        digest="sha256:" + "0" * 64,
        reason="seen",
    )
    assert (await desk.say(who("o1"), case.handle.id, other)).refusal == "other-exhibit"
    counted = await decide(desk, case, "o1", key="k1")
    assert counted.counted, counted
    late = other.model_copy(update={"digest": gate.digest})
    answer = await desk.say(who("o1"), case.handle.id, late)
    assert answer.taken is Taken.ALREADY_DECIDED
    assert "approved" in answer.says
    again = await desk.say(who("o1"), case.handle.id, late, idempotency_key="k1")
    assert again.counted
    assert again.repeated
    assert again.id == counted.id


async def test_only_a_person_is_heard(client: Client, queue: str, desk: Desk) -> None:
    case = await Case.open(client, queue, of=people_of())
    said = Grade(severity=Severity.SEV1, reason="it spreads")
    for kind in ("auditor", "service"):
        with pytest.raises(MayNotSpeak):
            await desk.say(who("c1", kind=kind), case.handle.id, said)


async def test_what_else_is_said_is_counted_or_refused_with_a_reason(
    client: Client, queue: str, desk: Desk
) -> None:
    case = await Case.open(client, queue, of=people_of())
    await case.gate(CHOOSE)

    async def say(person: str, said: Said) -> Taken:
        return (await desk.say(who(person), case.handle.id, said)).taken

    raised = Grade(severity=Severity.SEV1, reason="it spreads")
    assert await say("c1", raised) is Taken.COUNTED
    assert await say("c1", raised) is Taken.COUNTED  # and was so already
    unheard = Grade(severity=Severity.SEV3, reason="calm", role="commander")
    assert await say("d1", unheard) is Taken.NOT_YOURS
    gate = (await desk.gate(who("o2"), case.handle.id, CHOOSE)).gate
    glass = BreakGlass(gate=CHOOSE, nonce=gate.nonce, reason="nobody is there")
    assert await say("o2", glass) is Taken.COUNTED
    assert await say("d1", glass) is Taken.NOT_YOURS
    clock = Determine(clock="gdpr-33", what=Matter.APPLICABILITY, value="applies", reason="r")
    assert await say("l1", clock) is Taken.REFUSED
    await case.gate("acknowledge")


async def test_an_approval_is_taken_back_without_knowing_its_id(
    client: Client, queue: str, desk: Desk
) -> None:
    case = await Case.open(client, queue, of=people_of())
    await case.gate(CHOOSE)
    await decide(desk, case, "o1")
    gate = await case.gate("rescore-decisions")
    said = Decide(
        gate="rescore-decisions",
        choice=Choice.APPROVE,
        nonce=gate.nonce,
        digest=gate.digest,
        reason="yes",
    )
    assert (await desk.say(who("s1"), case.handle.id, said)).counted
    back = Withdraw(gate="rescore-decisions", reason="too early")
    assert (await desk.say(who("s1"), case.handle.id, back)).counted
    assert (await case.gate("rescore-decisions")).approvals == 0


async def test_a_restricted_incident_is_nowhere_for_whoever_does_not_need_to_know(
    client: Client, queue: str, desk: Desk
) -> None:
    case = await Case.open(client, queue, of=people_of(ISOLATED, restricted=True))
    await case.gate(CHOOSE)
    only = Filters(service=ISOLATED)
    for outsider in (
        who("d1"),
        who("s1"),
        who("c1", kind="service").model_copy(update={"roles": ()}),
    ):
        with pytest.raises(NoSuchIncident) as hidden:
            await desk.view(outsider, case.handle.id)
        with pytest.raises(NoSuchIncident) as unknown:
            await desk.view(outsider, "no-such-incident")
        assert str(hidden.value) == str(unknown.value)
        assert case.handle.id not in {i.id for i in (await desk.list(outsider, only)).incidents}
        with pytest.raises(NoSuchIncident):
            await desk.say(outsider, case.handle.id, Grade(reason="r", severity=Severity.SEV1))
    assert not reads_of(desk)

    def listed(page: Page) -> bool:
        return case.handle.id in {row.id for row in page.incidents}

    for insider in (who("c1"), who("l1"), who("o1"), who("x", kind="auditor")):
        await desk.view(insider, case.handle.id)
        await until(lambda person=insider: desk.list(person, only), listed)  # type: ignore[misc] # a loop's own
    assert ("o1", case.handle.id, "view") in reads_of(desk)  # who is asked sees it
    assert ("x", case.handle.id, "list") in reads_of(desk)


async def test_the_suspect_gets_the_answer_of_an_incident_that_never_was(
    client: Client, queue: str, desk: Desk
) -> None:
    case = await Case.open(client, queue, of=people_of())
    await case.gate(CHOOSE)
    assert (await desk.view(who("o1"), case.handle.id)).id == case.handle.id
    said = Suspect(person="o1", role="ciso", reason="their key drained it")
    assert (await desk.say(who("z1"), case.handle.id, said)).counted
    for read in (desk.view, desk.journal, desk.clocks, desk.row):
        with pytest.raises(NoSuchIncident):
            await read(who("o1"), case.handle.id)
    assert (await desk.view(who("c1"), case.handle.id)).restricted
    it_alone = Filters(starts_with=case.handle.id)
    await until(lambda: desk.list(who("o1"), it_alone), lambda page: not page.incidents)
    assert await desk.count(who("o1"), it_alone) == 0
    assert await desk.count(who("c1"), it_alone) == 1
    assert not [a for a in (await desk.inbox(who("o1"))).gates if a.incident == case.handle.id]
    assert ("c1", case.handle.id, "view") in reads_of(desk)


async def test_pages_are_whole_although_some_rows_are_hidden(
    client: Client, queue: str, desk: Desk
) -> None:
    opened = [
        await Case.open(
            client, queue, of=people_of("sentiment-api" if number % 3 else ISOLATED), drill=True
        )
        for number in range(9)
    ]
    ours = {case.handle.id for case in opened}
    for case in opened:
        await case.gate(CHOOSE)
    only = Filters(drill=True, open=True)

    def all_there(page: Page) -> bool:
        return ours <= {row.id for row in page.incidents}

    await until(lambda: desk.list(who("c1"), only, size=200), all_there)
    for reader in (who("c1"), who("e1")):
        walked: list[str] = []
        cursor = None
        while True:
            page = await desk.list(reader, only, size=2, cursor=cursor)
            walked += [row.id for row in page.incidents]
            if page.next is None:
                break
            assert len(page.incidents) == 2
            cursor = page.next
        assert len(walked) == len(set(walked))
        assert len(ours & set(walked)) == (9 if reader.person == "c1" else 6)
