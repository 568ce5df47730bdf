"""The callers of a service: their keys at the gateway, by public id and never by the key itself."""

from pydantic import Field

from schemas.base import Digest, Frozen, Name
from schemas.ports.port import Effect, Request, port


class BlockCaller(Effect):
    """Refuse one caller's key with *status*; every other key passes as before."""

    caller: Name
    status: int = Field(default=403, ge=400, le=599)


class CallerBlocked(Frozen):
    """The key is refused by this incident, or for the undo not any more."""

    caller: Name
    blocked: bool
    changed: bool
    config: Digest


class ReadCaller(Request):
    """Ask who refuses a caller's key."""

    caller: Name


class CallerState(Frozen):
    """Which incidents refuse the key at the gateway."""

    caller: Name
    blocked_by: tuple[str, ...]


class TryCaller(Request):
    """Knock at the public edge with a caller's key, as that caller would."""

    caller: Name


class CallerTried(Frozen):
    """The HTTP status that the caller was answered with."""

    caller: Name
    status: int


@port("callers")
async def block_caller(request: BlockCaller) -> CallerBlocked:
    """Refuse one caller's key at the gateway, compare-and-set."""
    raise NotImplementedError


@port("callers")
async def unblock_caller(request: BlockCaller) -> CallerBlocked:
    """Undo ``block_caller``."""
    raise NotImplementedError


@port("callers")
async def read_caller(request: ReadCaller) -> CallerState:
    """Read the key's standing back from the gateway."""
    raise NotImplementedError


@port("callers")
async def try_caller(request: TryCaller) -> CallerTried:
    """Use the key through the public edge; a refusal is an answer, not an error."""
    raise NotImplementedError
