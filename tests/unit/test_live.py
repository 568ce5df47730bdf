"""What is live: one look for all who watch, and nothing told to who may not see it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import decode_typed_search_attributes, encode_search_attributes

from hemostat.console import watching
from hemostat.console.doors import Console
from hemostat.incidents import live, live_list
from hemostat.incidents.incident_row import IncidentRow
from hemostat.incidents.live import Live
from schemas import visibility
from tests.unit.console_desk import WHO, Desk
from tests.unit.test_console import OneWord

SOON = 20.0
BEGAN = datetime(2026, 11, 23, 3, tzinfo=UTC)


def changed_since(one: WorkflowExecutionInfo, since: datetime) -> bool:
    """Whether Temporal finds it by the moment of its last change, or by there being none."""
    changed = decode_typed_search_attributes(one.search_attributes).get(visibility.CHANGED_AT)
    return changed is None or max(changed, one.start_time.ToDatetime(UTC)) > since


def told(
    id_: str,
    phase: str = "detection",
    *,
    restricted: bool = False,
    run: str = "run",
    changed: datetime | None = None,
) -> WorkflowExecutionInfo:
    """One incident, as Temporal tells it."""
    info = WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id=id_, run_id=f"{run}-of-{id_}"),
        status=WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    )
    info.start_time.FromDatetime(BEGAN)
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(visibility.PHASE, phase),
        SearchAttributePair(visibility.RESTRICTED, restricted),
    ]
    if changed:
        pairs.append(SearchAttributePair(visibility.CHANGED_AT, changed))
    encode_search_attributes(TypedSearchAttributes(pairs), info.search_attributes)
    return info


class Listing:
    """Temporal's list, as a test sets it; counts the looks, and what was listed at them."""

    def __init__(self, *told: WorkflowExecutionInfo) -> None:
        self.now = list(told)
        self.gone: list[WorkflowExecutionInfo] = []
        self.looks = 0
        self.rows = 0
        self.namespace = "n"
        self.workflow_service = self

    async def list_workflow_executions(
        self, request: ListWorkflowExecutionsRequest, **_: Any
    ) -> ListWorkflowExecutionsResponse:
        """Answer as Temporal does, for the queries of a look."""
        if "CloseTime" in request.query:
            return ListWorkflowExecutionsResponse(executions=self.gone)
        self.looks += 1
        asked = re.search("HemostatChangedAt > '([^']+)'", request.query)
        since = datetime.fromisoformat(asked[1]) if asked else None
        found = [one for one in self.now if since is None or changed_since(one, since)]
        self.rows += len(found)
        return ListWorkflowExecutionsResponse(executions=found)

    async def connected(self) -> Client:
        """Be the client that a feed asks."""
        return cast("Client", self)

    def close(self, which: WorkflowExecutionInfo) -> None:
        """End an incident."""
        self.now.remove(which)
        self.gone.append(which)

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


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Listing:
    made = Listing(told("one"), told("hidden", restricted=True))
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
    feed = Live(listing.connected)
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
    feed = Live(listing.connected)
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


async def test_a_crowd_hears_as_soon_of_a_closing_that_changed_no_other_incident(
    listing: Listing,
) -> None:
    listing.now = [told(one, changed=datetime.now(UTC)) for one in ("one", "two")]
    feed = Live(listing.connected)
    crowd = [feed.list() for _ in range(live_list.CROWD + 1)]
    async with asyncio.timeout(SOON):
        await asyncio.gather(*(anext(one) for one in crowd))
    coming = [asyncio.ensure_future(anext(one)) for one in crowd]
    await listing.looked()
    listing.close(listing.now[0])
    async with asyncio.timeout(SOON):
        heard = await asyncio.gather(*coming)
    assert all(at_once[0].text.startswith("event: gone") for at_once in heard)
    for one in crowd:
        await one.aclose()


async def test_what_only_temporal_counts_is_no_change_of_the_list(listing: Listing) -> None:
    feed = Live(listing.connected)
    following = feed.list()
    await asyncio.wait_for(anext(following), SOON)
    coming = asyncio.ensure_future(anext(following))
    await listing.looked()
    listing.now[0] = told("one")
    listing.now[0].state_transition_count = 7
    await listing.looked()
    assert not coming.done()
    listing.close(listing.now[0])
    (gone,) = await asyncio.wait_for(coming, SOON)
    assert gone.text.startswith("event: gone")
    await following.aclose()


async def test_what_opened_before_the_first_look_is_not_lost(listing: Listing) -> None:
    feed = Live(listing.connected)
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


async def test_a_look_asks_only_for_what_changed_of_late(listing: Listing) -> None:
    now = datetime.now(UTC)
    long_ago = [told(f"old-{at}", changed=now - timedelta(hours=1)) for at in range(500)]
    listing.now = [*long_ago, told("fresh", changed=now)]
    following = Live(listing.connected).list()
    await asyncio.wait_for(anext(following), SOON)
    assert listing.rows == 501
    coming = asyncio.ensure_future(anext(following))
    looks, rows = listing.looks, listing.rows
    await listing.looked()
    assert listing.rows - rows <= listing.looks - looks
    listing.now[7] = told("old-7", "containment", changed=now + timedelta(seconds=1))
    (row,) = await asyncio.wait_for(coming, SOON)
    assert row.row is not None
    assert (row.row.id, row.row.phase, row.opened) == ("old-7", "containment", False)
    await following.aclose()


async def test_an_incident_that_goes_on_in_a_new_run_is_gone_in_the_old_one(
    listing: Listing,
) -> None:
    following = Live(listing.connected).list()
    await asyncio.wait_for(anext(following), SOON)
    coming = asyncio.ensure_future(anext(following))
    await listing.looked()
    listing.now[0] = told("one", run="second-run", changed=datetime.now(UTC))
    heard = await asyncio.wait_for(coming, SOON)
    rows = [(one.text.split("\n")[0], one.row.run_id) for one in heard if one.row]
    assert rows == [("event: row", "second-run-of-one"), ("event: gone", "run-of-one")]
    await following.aclose()


async def test_what_changed_without_saying_so_shows_when_the_whole_list_is_looked_at(
    listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_list, "WHOLE_EVERY", 0.05)
    following = Live(listing.connected).list()
    await asyncio.wait_for(anext(following), SOON)
    coming = asyncio.ensure_future(anext(following))
    await listing.looked()
    listing.now = listing.now[1:]  # closed, and the list of what closed does not tell it
    (gone,) = await asyncio.wait_for(coming, SOON)
    assert gone.text.startswith("event: gone")
    await following.aclose()


def test_a_crowd_asks_again_spread_over_time_and_a_few_people_at_once() -> None:
    few, crowd = watching.change(watchers=watching.FEW), watching.change(watchers=500)
    assert few == "event: change\ndata: {}\n\n"
    assert json.loads(crowd.splitlines()[1].removeprefix("data: ")) == {"spread": 20_000}
