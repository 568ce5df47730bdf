"""The pager: call a person, and say when it is over."""

from datetime import timedelta

from schemas.base import Frozen, Name
from schemas.incident import Severity
from schemas.ports.port import Effect, port


class Page(Effect):
    """Page *role*; ``dedup_key`` names the page, so that saying it twice is one page."""

    dedup_key: str
    role: Name
    summary: str
    severity: Severity
    drill: bool = False
    details: dict[str, str] = {}


class PageKey(Effect):
    """Name a page that was sent."""

    dedup_key: str


class Paged(Frozen):
    """The pager took it."""

    dedup_key: str
    status: str


@port("pager", within=timedelta(hours=1))
async def page(request: Page) -> Paged:
    """Trigger a page."""
    raise NotImplementedError


@port("pager", within=timedelta(hours=1))
async def acknowledge_page(request: PageKey) -> Paged:
    """Mark the page as acknowledged."""
    raise NotImplementedError


@port("pager", within=timedelta(hours=1))
async def resolve_page(request: PageKey) -> Paged:
    """Resolve the page."""
    raise NotImplementedError
