"""How many may watch live at once, and that nobody keeps a place that they do not watch from."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message

from hemostat.console.doors import Console
from hemostat.console.routes import routes
from hemostat.desk.places import NoPlaceLeft, Places
from hemostat.identity.desk import Identity
from hemostat.incidents.live import AtOnce, Live
from hemostat.settings import Settings
from schemas.who import Who
from tests.browser import Browser, member
from tests.unit.api_stage import app_of, in_place_of_temporal, signing_in
from tests.unit.console_desk import WHO, Desk
from tests.unit.test_console import OneWord, no_temporal

LIST = "/api/v1/events"


def person(name: str, kind: str = "person") -> Who:
    return WHO.model_copy(update={"person": name, "kind": kind})


def test_twenty_people_may_watch_twenty_five_things_each_as_it_comes() -> None:
    table = Settings.parse("").gateway
    places = Places(table.streams_per_person, table.streams)
    for number in range(20):
        for _ in range(25):
            places.take(person(f"o{number}"))
    assert places.taken == 500


def test_one_person_takes_no_more_than_their_own_places_by_whatever_way_in() -> None:
    places = Places(per_person=2, in_all=3)
    first = places.take(person("o1"))
    places.take(person("o1").model_copy(update={"subject": "another way in"}))
    with pytest.raises(NoPlaceLeft, match="you watch 2 things"):
        places.take(person("o1"))
    places.take(person("o2"))
    with pytest.raises(NoPlaceLeft, match="nobody more"):
        places.take(person("o3"))
    first.leave()
    first.leave()
    assert places.taken == 2
    places.take(person("o3"))


class Watcher:
    """One that watches over the bare protocol, and can go away."""

    def __init__(self) -> None:
        self.gone, self.begun = asyncio.Event(), asyncio.Event()
        self.status, self.headers, self.body = 0, dict[bytes, bytes](), b""
        self._asked = False

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")
            self.begun.set()


@asynccontextmanager
async def watching(app: Starlette, path: str, headers: dict[str, str]) -> AsyncIterator[Watcher]:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "path": path,
             "raw_path": path.encode(), "method": "GET", "headers": raw, "query_string": b"",
             "client": ("192.0.2.7", 4000), "server": ("127.0.0.1", 8787), "scheme": "http",
             "root_path": "", "http_version": "1.1"}  # fmt: skip
    watcher = Watcher()
    task = asyncio.create_task(app(scope, watcher.receive, watcher.send))
    try:
        await asyncio.wait_for(watcher.begun.wait(), 20)
        yield watcher
    finally:
        watcher.gone.set()
        await asyncio.wait_for(task, 20)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ever changes."""

    async def nothing(self: Live) -> AsyncGenerator[AtOnce]:
        await asyncio.Event().wait()
        yield ()

    monkeypatch.setattr(Live, "list", nothing)


def lent(identity: Identity, name: str) -> dict[str, str]:
    """The headers of somebody with a token."""
    member(identity, name)
    account = identity.accounts.get(name)
    assert account is not None
    device, code = identity.tokens.ask()
    identity.tokens.answer(code, identity.local(account, "password"))
    return {"Authorization": f"Bearer {identity.tokens.collect(device)[0]}"}


@pytest.mark.usefixtures("quiet")
async def test_who_watches_too_much_hears_429_with_a_time_and_again_may_once_they_watch_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, places = signing_in(tmp_path, monkeypatch), Places(per_person=2, in_all=3)
    app = app_of(tmp_path, identity, in_place_of_temporal(monkeypatch), places=places)
    o1, o2 = lent(identity, "o1"), lent(identity, "o2")
    async with watching(app, LIST, o1) as kept:
        async with watching(app, LIST, o1) as let_in:
            assert (kept.status, let_in.status) == (200, 200)
            async with watching(app, LIST, o1) as refused:
                assert refused.status == 429
                assert refused.headers[b"content-type"] == b"application/problem+json"
                assert int(refused.headers[b"retry-after"]) > 0
                assert b"you watch 2 things live already" in refused.body
            async with watching(app, LIST, o2) as other:
                assert other.status == 200
        async with watching(app, LIST, o1) as again:
            assert again.status == 200
    assert places.taken == 0


@pytest.mark.usefixtures("quiet")
async def test_a_page_that_finds_no_place_is_told_when_to_come_again_and_shows_all_the_same() -> (
    None
):
    async def authenticate(request: Request) -> Who | None:
        return WHO

    places = Places(per_person=1, in_all=1)
    console = Console(Desk(), Live(no_temporal), authenticate, OneWord(), places=places)
    app = Starlette(routes=routes(console))
    async with watching(app, "/events", {}) as first, watching(app, "/events", {}) as second:
        assert (first.status, second.status) == (200, 429)
        assert int(second.headers[b"retry-after"]) > 0
        async with watching(app, "/incidents", {}) as page:
            assert page.status == 200
    assert places.taken == 0


@pytest.mark.parametrize("asked_by", [{"x-unattended": "yes"}, {"accept": "text/event-stream"}])
async def test_what_a_page_asks_by_itself_keeps_no_session_from_idling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_by: dict[str, Any]
) -> None:
    monkeypatch.setattr("hemostat.identity.sessions.TOUCH_EVERY", timedelta())
    identity = signing_in(tmp_path, monkeypatch)
    browser = Browser(identity)
    await browser.sign_in("ic-1", member(identity))
    assert "set-cookie" in (await browser.get("/whoami")).headers
    alone = await browser.get("/whoami", headers=asked_by)
    assert alone.status_code == 200
    assert "set-cookie" not in alone.headers
