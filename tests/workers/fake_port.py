"""Two ports that only the worker's tests know."""

from schemas.base import Frozen
from schemas.ports.port import Effect, Request, port


class Clamp(Effect):
    vessel: str


class Clamped(Frozen):
    by: str
    vessel: str


class Look(Request):
    pass


@port("clamp")
async def clamp_vessel(request: Clamp) -> Clamped:
    """Clamp it."""
    raise NotImplementedError


@port("clamp")
async def look_at_vessel(request: Look) -> Clamped:
    """Look at it."""
    raise NotImplementedError
