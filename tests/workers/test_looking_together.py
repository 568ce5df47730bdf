"""Several looks in one activity: each by its port, none in the way of the others, no effect."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from schemas.base import Frozen
from schemas.errors import SystemUnreachable
from schemas.ports.port import Effect, Request, port
from schemas.standing_proof import Look, LookTogether, Seen
from workers.together import looking


class Ask(Request):
    """A look."""

    what: str = ""


class Told(Frozen):
    """Its answer."""

    what: str


class Change(Effect):
    """No look."""


@port("world")
async def tell(request: Ask) -> Told:
    """Tell."""
    raise NotImplementedError


@port("world", attempt_within=timedelta(milliseconds=20))
async def hang(request: Ask) -> Told:
    """Hang."""
    raise NotImplementedError


@port("world")
async def break_down(request: Ask) -> Told:
    """Break down."""
    raise NotImplementedError


@port("world")
async def refuse(request: Ask) -> Told:
    """Refuse."""
    raise NotImplementedError


@port("world")
async def change(request: Change) -> Told:
    """Change something."""
    raise NotImplementedError


changed: list[Any] = []


async def _tell(request: Ask) -> Told:
    return Told(what=request.what)


async def _hang(request: Ask) -> Told:
    await asyncio.sleep(60)
    return Told(what="")


async def _break_down(request: Ask) -> Told:
    raise RuntimeError("what a stranger wrote, with a password")


async def _refuse(request: Ask) -> Told:
    raise ApplicationError("down", type=SystemUnreachable.__name__)


async def _change(request: Change) -> Told:
    changed.append(request)
    return Told(what="")


LOOK = looking(
    (tell, hang, break_down, refuse, change), (_tell, _hang, _break_down, _refuse, _change)
)


async def seen(*looks: Look) -> tuple[Seen, ...]:
    answer: tuple[Seen, ...] = (await LOOK(LookTogether(looks=looks))).seen
    return answer


async def test_each_look_is_answered_in_its_order() -> None:
    asked = [Look(port="tell", request={"what": str(n)}) for n in range(40)]
    assert [s.answer for s in await seen(*asked)] == [{"what": str(n)} for n in range(40)]


async def test_a_look_that_fails_says_how_in_our_words_and_hides_nothing_of_the_others() -> None:
    ports = ("hang", "tell", "break_down", "refuse", "nothing")
    hung, told, broken, refused, unknown = await seen(*(Look(port=p, request={}) for p in ports))
    assert told.answer == {"what": ""}
    assert hung.failed == "TimeoutError"
    assert (broken.answer, broken.failed) == (None, "RuntimeError")
    assert refused.failed == "SystemUnreachable"
    assert unknown.failed == "ConfigurationError"


async def test_what_changes_something_is_no_look() -> None:
    (refused,) = await seen(Look(port="change", request={"key": "k"}))
    assert refused.failed == "ConfigurationError"
    assert not changed


async def test_a_request_that_is_malformed_is_not_made() -> None:
    (refused,) = await seen(Look(port="tell", request={"what": 7}))
    assert refused.failed == "ValidationError"
