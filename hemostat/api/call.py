"""One request on its way to its handler: who asks, and what they asked, understood."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field
from starlette.requests import Request

from hemostat.api.repeats import Repeats
from hemostat.console.book import Book
from hemostat.desk.desk import Desk
from hemostat.desk.places import Places
from hemostat.incidents.live import Live
from schemas.base import Frozen
from schemas.errors import HemostatError
from schemas.who import Who

Authenticate = Callable[[Request], Awaitable[Who | None]]
Findings = Callable[[], Awaitable[tuple[list[HemostatError], list[str]]]]
"""What is wrong and what is fine, as ``hemostat check`` finds it."""

_RUN: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
"""An idempotency key: printable, without spaces."""


async def nothing_found() -> tuple[list[HemostatError], list[str]]:
    """Find nothing: for a gateway that was not told how to check."""
    return [], []


@dataclass(frozen=True)
class Api:
    """What the handlers need of the rest of the house."""

    desk: Desk
    live: Live
    authenticate: Authenticate
    books: tuple[Book, ...] = ()
    findings: Findings = nothing_found
    per_second: float = 20.0
    burst: int = 100
    repeats: Repeats = field(default_factory=Repeats)
    places: Places = field(default_factory=Places)


@dataclass(frozen=True)
class Call:
    """One request."""

    api: Api
    who: Who
    request: Request
    path: dict[str, str]
    query: Frozen
    body: Frozen | None = None
    raw: bytes = b""
    key: str | None = None

    @property
    def desk(self) -> Desk:
        """The desk."""
        return self.api.desk

    @property
    def incident(self) -> str:
        """The incident that the path names."""
        return self.path["incident"]

    @property
    def run(self) -> str | None:
        """The earlier run of a reopened incident that is asked for."""
        return self.query.run if isinstance(self.query, OfRun) else None


class NoQuery(Frozen):
    """Nothing is asked for in the query."""


class OfRun(Frozen):
    """An earlier run of a reopened incident; without it the last one."""

    run: str | None = Field(default=None, pattern=_RUN)


class InPages(Frozen):
    """How many, and from where on."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2000, pattern=r"^[A-Za-z0-9_-]+$")


class OfJournal(OfRun):
    """From which entry on, and how many."""

    start: int = Field(default=0, ge=0, le=2**31)
    limit: int = Field(default=500, ge=1, le=2000)


@dataclass(frozen=True)
class Operation:
    """One line of the API: where it is, what it takes, what it answers."""

    id: str
    method: str
    path: str
    summary: str
    handle: Callable[[Call], Awaitable[object]]
    answer: type[Frozen] | None
    """None: a stream of events."""
    query: type[Frozen] = NoQuery
    body: type[Frozen] | None = None
    problems: Sequence[int] = ()
