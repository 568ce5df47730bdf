"""What is live: one look for all who watch, and nothing told to who may not see it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import encode_search_attributes

from hemostat.console import watching
from hemostat.console.doors import Console
from hemostat.incidents import live, reading
from hemostat.incidents.incident_row import IncidentRow
from hemostat.incidents.live import Live
from schemas import visibility
from tests.unit.console_desk import WHO, Desk
from tests.unit.test_console import OneWord

SOON = 20.0
BEGAN = datetime(2026, 11, 23, 3, tzinfo=UTC)


def told(id_: str, phase: str = "detection", *, restricted: bool = False) -> WorkflowExecutionInfo:
    """One incident, as Temporal tells it."""
    info = WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id=id_, run_id=f"run-of-{id_}"),
        status=WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    )
    info.start_time.FromDatetime(BEGAN)
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(visibility.PHASE, phase),
        SearchAttributePair(visibility.RESTRICTED, restricted),
    ]
    encode_search_attributes(TypedSearchAttributes(pairs), info.search_attributes)
    return info


class Listing:
    """Temporal's list, as a test sets it; counts the looks."""

    def __init__(self, *told: WorkflowExecutionInfo) -> None:
        self.now = list(told)
        self.looks = 0

    async def __call__(self, *_: object) -> tuple[Sequence[WorkflowExecutionInfo], None]:
        self.looks += 1
        return list(self.now), None

    async def looked(self) -> None:
        """Wait until a look that began after this call has ended."""
        until = self.looks + 2
        async with asyncio.timeout(SOON):
            while self.looks < until:
                await asyncio.sleep(0.005)


class NeedToKnow(Desk):
    """Whoever asks does not see what is restricted."""

    async def visible(self, who: Any, rows: Sequence[IncidentRow]) -> list[IncidentRow]:
        return [row for row in rows if not row.restricted or self.text == "may see all"]


async def connected() -> Client:
    return cast("Client", None)


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Listing:
    made = Listing(told("one"), told("hidden", restricted=True))
    monkeypatch.setattr(reading, "listed", made)
    monkeypatch.setattr(live, "LOOK_EVERY", 0.01)
    return made


async def changes(desk: Desk, feed: Live) -> AsyncIterator[dict[str, Any]]:
    """What the console's list is told, as one who watches it."""
    console = Console(desk, feed, cast("Any", None), OneWord())
    answer = await watching.list_events(console, cast("Request", None), WHO)
    assert isinstance(answer, StreamingResponse)
    async with aclosing(cast("Any", answer.body_iterator)) as stream:
        async for text in stream:
            for line in str(text).splitlines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


async def test_the_console_hears_of_a_restricted_incident_only_for_who_may_see_it(
    listing: Listing,
) -> None:
    feed = Live(connected)
    kept_out, let_in = changes(NeedToKnow(), feed), changes(NeedToKnow("may see all"), feed)
    async with (
        asyncio.timeout(SOON),
        aclosing(cast("Any", kept_out)),
        aclosing(cast("Any", let_in)),
    ):
        assert await anext(kept_out) == await anext(let_in) == {}
        first = (asyncio.ensure_future(anext(kept_out)), asyncio.ensure_future(anext(let_in)))
        assert list(await asyncio.gather(*first)) == [{}, {}]  # the first look: all read anew
        hears, knows = asyncio.ensure_future(anext(kept_out)), asyncio.ensure_future(anext(let_in))
        await listing.looked()
        listing.now[1] = told("hidden", "containment", restricted=True)
        assert await knows == {"incidents": ["hidden"], "opened": False}
        knows = asyncio.ensure_future(anext(let_in))
        await listing.looked()
        assert not hears.done()
        listing.now = [told("two"), told("one", "containment"), listing.now[1]]
        seen = {"incidents": ["one", "two"], "opened": True}
        assert await hears == await knows == seen
    assert feed.polls == 0


async def test_five_hundred_watchers_are_told_by_one_look(listing: Listing) -> None:
    feed = Live(connected)
    crowd = [feed.list() for _ in range(500)]
    async with asyncio.timeout(SOON):
        heard = await asyncio.gather(*(anext(one) for one in crowd))
    assert {at_once[0].text for at_once in heard} == {live.AGAIN}
    coming = [asyncio.ensure_future(anext(one)) for one in crowd]
    await listing.looked()
    assert (feed.polls, feed.watchers()) == (1, 500)
    listing.now[0] = told("one", "containment")
    async with asyncio.timeout(SOON):
        heard = await asyncio.gather(*coming)
    assert all(at_once == heard[0] for at_once in heard)
    (row,) = heard[0]
    assert row.row is not None
    assert row.row.phase == "containment"
    for one in crowd:
        await one.aclose()
    assert feed.polls == 0


async def test_what_only_temporal_counts_is_no_change_of_the_list(listing: Listing) -> None:
    feed = Live(connected)
    following = feed.list()
    await asyncio.wait_for(anext(following), SOON)
    coming = asyncio.ensure_future(anext(following))
    await listing.looked()
    listing.now[0] = told("one")
    listing.now[0].state_transition_count = 7
    await listing.looked()
    assert not coming.done()
    listing.now = listing.now[1:]
    (gone,) = await asyncio.wait_for(coming, SOON)
    assert gone.text.startswith("event: gone")
    await following.aclose()


async def test_what_opened_before_the_first_look_is_not_lost(listing: Listing) -> None:
    feed = Live(connected)
    first_look = feed.list()
    coming = asyncio.ensure_future(anext(first_look))
    listing.now.append(told("opened-meanwhile"))  # after the page was made, before any look
    (again,) = await asyncio.wait_for(coming, SOON)
    assert again.text == live.AGAIN
    later = asyncio.ensure_future(anext(late := feed.list()))
    await listing.looked()
    assert not later.done()  # who comes later has read the list after a look
    later.cancel()
    await asyncio.gather(later, return_exceptions=True)
    await late.aclose()
    await first_look.aclose()


def test_a_crowd_asks_again_spread_over_time_and_a_few_people_at_once() -> None:
    few, crowd = watching.change(watchers=watching.FEW), watching.change(watchers=500)
    assert few == "event: change\ndata: {}\n\n"
    assert json.loads(crowd.splitlines()[1].removeprefix("data: ")) == {"spread": 20_000}
