"""Who may see something may not have it done as often as they can ask."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from hemostat.console.doors import Console
from hemostat.console.routes import routes
from hemostat.desk.limits import Limit
from hemostat.gateway import one_look
from hemostat.gateway.one_look import GOOD_FOR, OneLook
from hemostat.incidents.live import Live
from schemas.errors import HemostatError
from schemas.who import Who
from tests.unit.api_stage import asking
from tests.unit.console_desk import WHO, Desk
from tests.unit.test_console import OneWord, no_temporal


async def test_a_person_who_asks_for_pages_without_end_waits_and_nobody_else_does() -> None:
    other = WHO.model_copy(update={"person": "o2", "subject": "local:o2"})
    who, now = [WHO], [0.0]

    async def authenticate(request: Request) -> Who | None:
        return who[0]

    limit = Limit(0.5, 3, lambda: now[0])
    console = Console(Desk(), Live(no_temporal), authenticate, OneWord(), limit=limit)
    async with asking(Starlette(routes=routes(console))) as http:
        told = [(await http.get("/incidents")).status_code for _ in range(4)]
        assert told == [200, 200, 200, 429]
        refused = await http.get("/readiness")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert "sk again in 2 s" in refused.text
        who[0] = other
        assert (await http.get("/incidents")).status_code == 200
        who[0], now[0] = WHO, 2.0
        assert (await http.get("/incidents")).status_code == 200


Found = tuple[list[HemostatError], list[str]]


class Looked:
    """Counts looks; one goes on for as long as it is told to."""

    def __init__(self) -> None:
        self.times, self.go_on, self.fails = 0, asyncio.Event(), False

    async def __call__(self) -> Found:
        self.times += 1
        await self.go_on.wait()
        if self.fails:
            raise HemostatError("it failed")
        return [], [f"look {self.times}"]


async def test_a_check_that_many_ask_for_reaches_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(one_look, "monotonic", lambda: now[0])
    looked = Looked()
    once = OneLook(looked)
    many = [asyncio.create_task(once()) for _ in range(50)]
    await asyncio.sleep(0)
    many[0].cancel()  # who goes away takes it from nobody
    await asyncio.sleep(0)
    looked.go_on.set()
    found = await asyncio.wait_for(asyncio.gather(*many[1:]), 20)
    assert found == [([], ["look 1"])] * 49
    now[0] += GOOD_FOR
    assert await once() == ([], ["look 1"])
    now[0] += 0.1
    assert await once() == ([], ["look 2"])


async def test_a_check_that_failed_is_done_anew() -> None:
    looked = Looked()
    looked.go_on.set()
    looked.fails = True
    once = OneLook(looked)
    with pytest.raises(HemostatError):
        await once()
    looked.fails = False
    assert await once() == ([], ["look 2"])


async def test_whether_it_is_ready_is_asked_once_for_all_who_ask_and_told_as_it_is_now() -> None:
    looked = Looked()
    ready = OneLook(looked, good_for=0)
    many = [asyncio.create_task(ready()) for _ in range(50)]
    await asyncio.sleep(0)
    looked.go_on.set()
    assert await asyncio.wait_for(asyncio.gather(*many), 20) == [([], ["look 1"])] * 50
    assert await ready() == ([], ["look 2"])


async def test_a_check_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_look, "ENDS_WITHIN", 0.01)
    looked = Looked()
    once = OneLook(looked)
    with pytest.raises(HemostatError, match="did not end"):
        await once()
    looked.go_on.set()
    assert await once() == ([], ["look 2"])
