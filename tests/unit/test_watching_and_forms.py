"""What strangers can make the gateway read, and how long somebody signed out goes on watching."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from hemostat.desk import watching
from hemostat.desk.watching import StillThere
from hemostat.forms import form_of
from hemostat.identity.desk import Identity
from schemas.who import Who
from tests.browser import identity_of
from tests.unit.api_stage import Stage, on_stage


def asking(headers: dict[str, str], *chunks: bytes) -> tuple[Request, list[bytes]]:
    """A request, and what of its body is left to be read."""
    left = list(chunks)

    async def receive() -> Any:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive), left


FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "headers",
    [
        {**FORM, "content-length": str(10**9)},
        {**FORM, "content-length": "9" * 5000},
        {**FORM, "content-length": "-1"},
        FORM,
        {"content-type": "multipart/form-data; boundary=x", "content-length": "20"},
        {"content-type": "application/json", "content-length": "20"},
    ],
)
async def test_a_form_too_large_or_of_unknown_size_is_not_even_read(
    headers: dict[str, str],
) -> None:
    request, left = asking(headers, b"theme=dark&back=%2F", b"")
    assert await form_of(request) == {}
    assert len(left) == 2


async def test_a_form_of_ours_is_read() -> None:
    request, _ = asking({**FORM, "content-length": "19"}, b"theme=dark&back=%2F")
    assert await form_of(request) == {"theme": "dark", "back": "/"}


async def test_a_stream_ends_when_its_watcher_is_signed_out_or_has_other_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_AGAIN_SECONDS", 0.0)
    async with on_stage(tmp_path, monkeypatch) as stage:
        for change in (signed_out, given_back, other_roles):
            cookie = change is signed_out
            headers = (stage.cookie if cookie else stage.bearer)(change.__name__.replace("_", "-"))
            request, _ = asking({name.lower(): value for name, value in headers.items()})
            who = await stage.identity.who(request)
            assert who is not None
            still = StillThere(stage.identity.who, request, who)
            assert await still()
            change(stage, who)
            assert not await still()


def signed_out(stage: Stage, who: Who) -> None:
    stage.identity.sessions.end_all_of(who.subject)


def given_back(stage: Stage, who: Who) -> None:
    stage.identity.tokens.end_all_of(who.subject)


def other_roles(stage: Stage, who: Who) -> None:
    stage.identity.accounts.remove(who.person)
    stage.identity.accounts.add(who.person, ("scribe",))


async def test_a_stream_goes_on_while_nothing_changes_also_past_the_idle_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_AGAIN_SECONDS", 0.0)
    identity: Identity = identity_of(tmp_path, 'session_idle = "1ms"')
    async with on_stage(tmp_path, monkeypatch) as stage:
        request, _ = asking({"cookie": stage.cookie("ic-1")["Cookie"]})
        who = await stage.identity.who(request)
        assert who is not None
        await asyncio.sleep(0.01)
        assert await StillThere(identity.who, request, who)()
