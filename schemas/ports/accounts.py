"""The accounts that use a route at the API gateway: shut some out, let everyone else through."""

from pydantic import Field

from schemas.base import Frozen, Utc
from schemas.ports.port import Effect, Request, port


class BlockAccounts(Effect):
    """Answer 403 on the route to these accounts, told by the header that the gateway trusts.

    From ``until`` on the gateway lets them through by itself; None: until the block is taken back.
    """

    route: str
    accounts: tuple[str, ...] = Field(min_length=1, max_length=2000)
    until: Utc | None = None


class AccountsBlocked(Frozen):
    """How many are blocked by this incident; ``changed`` False: they were already."""

    route: str
    blocked: int
    changed: bool


class ProbeAccounts(Request):
    """Knock as each of *accounts*, and as one account that nobody blocks."""

    route: str
    accounts: tuple[str, ...]


class AccountsProbed(Frozen):
    """Who got through; ``legitimate_status`` is what the unblocked account was answered."""

    knocked: int
    passed: int
    legitimate_status: int


@port("accounts")
async def block_accounts(request: BlockAccounts) -> AccountsBlocked:
    """Shut accounts out of a route, compare-and-set; others are untouched."""
    raise NotImplementedError


@port("accounts")
async def unblock_accounts(request: BlockAccounts) -> AccountsBlocked:
    """Undo ``block_accounts``: this incident's block is gone, whole."""
    raise NotImplementedError


@port("accounts")
async def probe_accounts(request: ProbeAccounts) -> AccountsProbed:
    """Knock through the public edge."""
    raise NotImplementedError
