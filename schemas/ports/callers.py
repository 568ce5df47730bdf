"""The callers of a route at the API gateway: shut some out, let everyone else through."""

from pydantic import Field

from schemas.base import Frozen
from schemas.ports.port import Effect, Request, port


class BlockCallers(Effect):
    """Answer 403 on the route to these callers, told by the header that the gateway trusts."""

    route: str
    callers: tuple[str, ...] = Field(min_length=1, max_length=2000)


class CallersBlocked(Frozen):
    """How many are blocked by this incident; ``changed`` False: they were already."""

    route: str
    blocked: int
    changed: bool


class ProbeCallers(Request):
    """Knock as each of *callers*, and as one caller that nobody blocks."""

    route: str
    callers: tuple[str, ...]


class CallersProbed(Frozen):
    """Who got through; ``legitimate_status`` is what the unblocked caller was answered."""

    knocked: int
    passed: int
    legitimate_status: int


@port("callers")
async def block_callers(request: BlockCallers) -> CallersBlocked:
    """Shut callers out of a route, compare-and-set; others are untouched."""
    raise NotImplementedError


@port("callers")
async def unblock_callers(request: BlockCallers) -> CallersBlocked:
    """Undo ``block_callers``: this incident's block is gone, whole."""
    raise NotImplementedError


@port("callers")
async def probe_callers(request: ProbeCallers) -> CallersProbed:
    """Knock through the public edge."""
    raise NotImplementedError
